"""Additive regression by monotone curves, one a measure, each piecewise linear.

What is worse in one measure can then never be graded better, in music of whatever kind, and a grade
is a sum whose parts can be read off. Unlike trees or a network it has no way to use a measure as a
sign of the music at hand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

KNOT_QUANTILES = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
RIDGE = 0.003
"""Weight of the squared curve steps, as a share of the rows: it keeps unused curves flat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What a measure adds: linear between (`knots`, `adds`), constant beyond them.

    `unknown` takes the place of a measure that is undefined.
    """

    measure: str
    knots: tuple[float, ...]
    adds: tuple[float, ...]
    unknown: float

    def __call__(self, values: FloatArray) -> FloatArray:
        """Return what each of `values` adds, (n,)."""
        known = np.where(np.isnan(values), self.unknown, values)
        return np.asarray(np.interp(known, self.knots, self.adds), np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Additive:
    """`base` plus a curve of each measure."""

    base: float
    curves: tuple[Curve, ...]

    def predict(self, measures: Mapping[str, FloatArray]) -> FloatArray:
        """Return the sum for each row of `measures`, arrays (n,) by name."""
        parts = np.stack([curve(measures[curve.measure]) for curve in self.curves])
        return np.asarray(self.base + parts.sum(axis=0), np.float64)


def fit_additive(
    measures: Mapping[str, FloatArray], falls: Mapping[str, bool], target: FloatArray
) -> Additive:
    """Return the least-squares fit to `target`, (n,), by nonnegative steps between quantiles.

    `falls` says of each measure whether the target falls as it rises; otherwise it rises too. The
    problem is convex: the same rows give the same curves.
    """
    values, unknown, knots = {}, {}, {}
    for name in falls:
        column = np.asarray(measures[name], np.float64)
        unknown[name] = float(np.nanmedian(column))
        values[name] = np.where(np.isnan(column), unknown[name], column)
        knots[name] = np.unique(np.quantile(values[name], KNOT_QUANTILES))
    steps = {name: _steps(values[name], knots[name]) for name in falls}
    signed = [-steps[name] if falls[name] else steps[name] for name in falls]
    design = np.concatenate(signed, axis=1)
    middle = design.mean(axis=0)
    penalty = np.sqrt(RIDGE * len(target)) * np.eye(design.shape[1])
    heights, _ = scipy.optimize.nnls(
        np.concatenate([design - middle, penalty]),
        np.concatenate([target - target.mean(), np.zeros(design.shape[1])]),
        maxiter=100 * design.shape[1],
    )
    parts = np.split(heights, np.cumsum([one.shape[1] for one in signed])[:-1])
    return Additive(
        base=float(target.mean() - middle @ heights),
        curves=tuple(
            Curve(
                measure=name,
                knots=tuple(knots[name].tolist()),
                adds=_heights(part if not falls[name] else -part),
                unknown=unknown[name],
            )
            for name, part in zip(falls, parts, strict=True)
        ),
    )


def _steps(values: FloatArray, knots: FloatArray) -> FloatArray:
    """Return how much of the way between each two knots is passed, (n, knots - 1) in 0-1."""
    low, high = knots[:-1], knots[1:]
    passed: FloatArray = np.clip((values[:, None] - low) / (high - low), 0.0, 1.0)
    return passed


def _heights(steps: Sequence[float] | FloatArray) -> tuple[float, ...]:
    return (0.0, *np.cumsum(steps).tolist())
