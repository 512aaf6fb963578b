"""The eight dimensions, and a draw's scores."""

from typing import Literal, get_args

from degradation.draws import Draw, FactoredDraw, TieredDraw
from degradation.factored import Factor

Dimension = Literal[Factor, "overall_interpretation"]

DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
"""The eight dimensions, in the order of every table."""


def draw_scores(draw: Draw) -> dict[str, float]:
    """Return a score for each dimension."""
    return _curve_scores(draw) if isinstance(draw, FactoredDraw) else _tier_scores(draw)


def severities(draw: FactoredDraw) -> dict[str, float]:
    """Return a severity in JND for each dimension: the factors' own, and the overall one."""
    return dict(zip(DIMENSIONS, (*draw.severity_jnd, draw.overall_severity_jnd), strict=True))


def _curve_scores(draw: FactoredDraw) -> dict[str, float]:
    """Return eight scores that follow from severity alone, by the recipe's score curve."""
    curve = draw.recipe.score_curve
    return {name: float(curve.score(jnd)) for name, jnd in severities(draw).items()}


def _tier_scores(draw: TieredDraw) -> dict[str, float]:
    """Return eight scores, each uniform in the tier's range, independently of each other."""
    low, high = draw.damage.scores
    positions = draw.stream("scores").random(len(DIMENSIONS))
    return {
        dimension: float(low + (high - low) * position)
        for dimension, position in zip(DIMENSIONS, positions, strict=True)
    }
