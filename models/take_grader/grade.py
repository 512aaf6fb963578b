"""Scores of passages of a performance, and of the whole."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from degradation.notes import Performance
from labeling.scores import DIMENSIONS, OVERALL, Dimension
from models.take_grader.document import TakeGrader
from models.take_grader.takes import FEWEST_NOTES, hear, passage, passages

FloatArray = NDArray[np.float64]


def grade_passages(
    grader: TakeGrader,
    performance: Performance,
    bounds_s: Sequence[tuple[float, float]],
    fewest_notes: int = FEWEST_NOTES,
) -> FloatArray:
    """Return the scores of passages, (passages, 8).

    NaN where a passage has too few notes, and in dimensions that the grader does not hear.
    """
    found = [passage(performance, *bounds) for bounds in bounds_s]
    heard = np.array([len(one.notes) >= fewest_notes for one in found], bool)
    scores = np.full((len(found), len(DIMENSIONS)), np.nan)
    if heard.any():
        measures = hear(one for one, enough in zip(found, heard, strict=True) if enough)
        for name, values in grader.scores(measures).items():
            scores[heard, DIMENSIONS.index(name)] = values
    return scores


def grade_take(grader: TakeGrader, performance: Performance) -> FloatArray:
    """Return the scores of a whole performance, (8,): means over passages of a minute."""
    scores = grade_passages(grader, performance, passages(performance.duration_s))
    heard = ~np.isnan(scores).all(axis=1)
    return scores[heard].mean(axis=0) if heard.any() else np.full(len(DIMENSIONS), np.nan)


def grade_takes(
    grader: TakeGrader, performances: Iterable[Performance]
) -> dict[Dimension, FloatArray]:
    """Return the scores of performances, (n,) by dimension that the grader hears."""
    scores = np.array([grade_take(grader, one) for one in performances])
    return {name: scores[:, DIMENSIONS.index(name)] for name in (*grader.dimensions, OVERALL)}
