"""The eight dimensions, and the scores that a tiered recipe gives a draw."""

from typing import Literal, get_args

from degradation.sampling import Draw

Dimension = Literal[
    "note_accuracy",
    "rhythmic_stability",
    "articulation_clarity",
    "pedal_technique",
    "tone_quality",
    "dynamic_range",
    "musical_expression",
    "overall_interpretation",
]

DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
"""The eight dimensions, in the order of every table."""


def draw_scores(draw: Draw) -> dict[str, float]:
    """Return eight scores, each uniform in the tier's range, independently of each other."""
    low, high = draw.damage.scores
    positions = draw.stream("scores").random(len(DIMENSIONS))
    return {
        dimension: float(low + (high - low) * position)
        for dimension, position in zip(DIMENSIONS, positions, strict=True)
    }
