"""Does a score fall as one factor gets worse, and nothing else changes?"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.document import Number
from models.evaluation.agreement.resampling import clustered_levels
from models.evaluation.counterfactuals.families import Families

Floats = NDArray[np.float64]
Table = tuple[tuple[Number, ...], ...]

APART_JND = 2.0
"""Two performances that differ by so much should never be graded the wrong way round."""


def fell(change: float | Floats) -> Floats:
    """Return 1 where a score fell, 0 where it rose, nan where that is not known.

    One that stayed the same counts .5, so that a model with one answer is as good as guessing.
    """
    return np.asarray((1 - np.sign(change)) / 2, np.float64)


def fall_share(families: Families, steps: Sequence[tuple[int, int]]) -> Floats:
    """Return how often the score falls (see `fell`) over `steps`, (factors, dimensions).

    `steps` are pairs of indices of doses, the lighter first. Nan where no family has both doses,
    or there are no steps.
    """
    _, factors, _, dimensions = families.doses.shape
    falls = [np.full((1, factors, dimensions), np.nan)] + [
        fell(families.doses[:, :, heavier] - families.doses[:, :, lighter])
        for lighter, heavier in steps
    ]
    return np.asarray(mean_of_known(np.concatenate(falls)), np.float64)


def mean_of_known(values: Floats) -> Floats:
    """Return the mean over the first axis without nan; nan where there is nothing else."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: Floats = np.where(there, values, 0.0).sum(axis=0) / there.sum(axis=0)
    return mean


def far_apart(doses_jnd: Sequence[float]) -> list[tuple[int, int]]:
    """Return all pairs of doses at least `APART_JND` apart, the lighter first."""
    return [
        (lighter, heavier)
        for lighter, heavier in itertools.combinations(range(len(doses_jnd)), 2)
        if doses_jnd[heavier] - doses_jnd[lighter] >= APART_JND
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Scores along the doses, [factor][dose][dimension], with both ends of their intervals.

    A light dose may change nothing in a passage of few notes, so some families lack it. A score is
    the mean of all undamaged rows plus the mean change in the families that have the dose.
    """

    mean: tuple[Table, ...]
    low: tuple[Table, ...]
    high: tuple[Table, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseResponse:
    """How scores follow a factor.

    `ordered` is the share of pairs at least 2 JND apart graded in the right order,
    [factor][dimension]: 1 is right for the factor's own dimension and the overall one, .5 for the
    others.
    """

    ordered: Table
    curve: Curve


def nested(array: NDArray[Any]) -> Any:
    """Return an array as tuples of tuples of numbers."""
    return tuple(part.tolist() if part.ndim == 0 else nested(part) for part in array)


def dose_response(families: Families, *, seed: int) -> DoseResponse:
    """Return how the scores of `families` respond; intervals redraw whole compositions."""
    undamaged, change = families.doses[:, :, :1], families.change
    curve = clustered_levels(undamaged, change, families.compositions, seed=seed)
    mean, low, high = map(nested, curve)
    return DoseResponse(
        ordered=nested(fall_share(families, far_apart(families.doses_jnd))),
        curve=Curve(mean=mean, low=low, high=high),
    )
