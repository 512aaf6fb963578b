"""The eight dimensions, and a draw's scores."""

from typing import Literal, get_args

from degradation.draws import Draw, FactoredDraw
from degradation.factored import Factor

Dimension = Literal[Factor, "overall_interpretation"]

DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
"""The eight dimensions, in the order of every table."""

OVERALL: Dimension = "overall_interpretation"


def draw_scores(draw: Draw) -> dict[str, float]:
    """Return a score for each dimension.

    In a factored recipe they follow from severity alone, by the score curve. In a tiered recipe
    each is drawn uniformly from the tier's range, independently of the others.
    """
    if isinstance(draw, FactoredDraw):
        curve = draw.recipe.score_curve
        return {name: float(curve.score(jnd)) for name, jnd in severities(draw).items()}
    low, high = draw.damage.scores
    positions = draw.stream("scores").random(len(DIMENSIONS))
    scores = [float(low + (high - low) * position) for position in positions]
    return dict(zip(DIMENSIONS, scores, strict=True))


def severities(draw: FactoredDraw) -> dict[str, float]:
    """Return a severity in JND for each dimension: the factors' own, and the overall one."""
    return dict(zip(DIMENSIONS, (*draw.severity_jnd, draw.overall_severity_jnd), strict=True))
