"""The take grader as a file: its curves, what they follow from, and what they reached."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from degradation.severity import ScoreCurve
from labeling.scores import OVERALL, Dimension
from models.document import read_document
from models.provenance import Provenance
from models.skill import Skill
from models.take_grader.additive import Additive

NAME: Final = "take_grader"
FILE = "take_grader.json"
INSTALLED = Path(__file__).parent / FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class Music:
    """A corpus that the grader learnt from: its `performances` have `digest`."""

    corpus: str
    performances: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeGrader:
    """Severities in JND from measures of a take, and scores of 0-100 from severities.

    `dimensions` holds a regression each; the overall severity is `overall_base` plus a weighted sum
    of theirs. `skill` was measured on the `judged` takes of the test split; `learnt` is how many
    takes there were to learn from.
    """

    recipe: str
    recipe_digest: str
    music: tuple[Music, ...]
    seed: int
    learnt: int
    judged: int
    dimensions: Mapping[Dimension, Additive]
    overall_base: float
    overall_weights: Mapping[Dimension, float]
    score_curve: ScoreCurve
    skill: Mapping[Dimension, Skill]
    made: Provenance

    def severities(self, measures: Mapping[str, np.ndarray]) -> dict[Dimension, np.ndarray]:
        """Return severities in JND, (takes,) by dimension, the overall one among them."""
        found = {name: model.predict(measures) for name, model in self.dimensions.items()}
        overall = sum((self.overall_weights[name] * found[name] for name in found), np.zeros(1))
        return found | {OVERALL: self.overall_base + overall}

    def scores(self, measures: Mapping[str, np.ndarray]) -> dict[Dimension, np.ndarray]:
        """Return scores of 0-100, (takes,) by dimension."""
        return {
            name: self.score_curve.score(severity_jnd)
            for name, severity_jnd in self.severities(measures).items()
        }


@cache
def installed_grader() -> TakeGrader:
    """Return the grader that ships with the package."""
    return read_document(INSTALLED, TakeGrader)
