"""How far a model's grades are to be trusted: what it reached on pieces it did not learn from."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from labeling.scores import Dimension
from models.document import Number

LEAST_R = 0.3
"""A model tells a dimension whose r is this or more.

Grades are fitted to the labels by a line, so that their squared error is 1 − r² of that of always
answering the mean label: at r = .3 they are off 5 % less than who says the same of everything.
Below, and where r is undefined because no label differs, a grade is that mean with noise around it.
Chance reaches less: of a model of the demo corpus that learnt nothing (148 held-out clips of two
pieces, mean r .04) the eight r lay between -.18 and .22.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """Pearson's r with the labels, and mean absolute error, on clips of held-out pieces."""

    r: Number
    error_points: float


Skills = Mapping[Dimension, Skill]


def find_unskilled(skills: Skills) -> dict[Dimension, str]:
    """Return the dimensions that a model does not tell, each with the reason."""
    return {
        name: "no two labels on held-out clips differ"
        if math.isnan(skill.r)
        else f"the model does not tell it (r {skill.r:.2f} on held-out clips, expected {LEAST_R:g})"
        for name, skill in skills.items()
        if not skill.r >= LEAST_R
    }
