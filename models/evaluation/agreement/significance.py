"""Is one correlation above another, and does it stay so over eight tests?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

FEWEST_SAMPLES = 4
"""Williams' test has n - 3 degrees of freedom; with fewer samples there is no test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Williams:
    """Williams' t with its degrees of freedom, and p of both sides; nan where undefined."""

    t: float
    df: int
    p: float


def williams(r12: float, r13: float, r23: float, samples: int) -> Williams:
    """Test whether r12 and r13, which share variable 1, differ (Williams 1959).

    Variable 1 is the truth, 2 and 3 are two models' predictions, r23 how alike those are; the
    formula is that of Steiger (1980), "Tests for comparing elements of a correlation matrix".
    t is positive where r12 is the larger. It takes `samples` for independent: clips of one
    piece are not, so that p is too small wherever a piece has several (see `pairs`). Two
    predictions that are the same up to scale leave nothing to test, nor do fewer than 4 samples:
    nan.

    Raises ValueError for correlations outside [-1, 1].

    >>> found = williams(0.5, 0.4, 0.1, 103)
    >>> round(found.t, 4), found.df, round(found.p, 3)
    (0.8913, 100, 0.375)
    """
    if any(abs(r) > 1 + 1e-9 for r in (r12, r13, r23)):
        raise ValueError(f"correlations must lie in [-1, 1], got {r12}, {r13} and {r23}")
    df = samples - 3
    if samples < FEWEST_SAMPLES:
        return Williams(t=math.nan, df=df, p=math.nan)
    determinant = 1 - r12**2 - r13**2 - r23**2 + 2 * r12 * r13 * r23
    mean = (r12 + r13) / 2
    below = 2 * (samples - 1) / df * max(determinant, 0.0) + mean**2 * (1 - r23) ** 3
    if not below > 1e-12:  # nan too
        return Williams(t=math.nan, df=df, p=math.nan)
    t = (r12 - r13) * math.sqrt((samples - 1) * (1 + r23) / below)
    return Williams(t=t, df=df, p=float(2 * stats.t.sf(abs(t), df)))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return each p adjusted for having been one of several tests (Holm 1979).

    The i-th smallest of m is multiplied by m - i, never below its predecessor nor above 1. A p
    that is nan is no test and stays nan.

    >>> holm([0.01, 0.04, 0.03])
    (0.03, 0.06, 0.06)
    """
    given = np.asarray(p_values, np.float64)
    adjusted = np.full(len(given), math.nan)
    order = [int(i) for i in np.argsort(given, kind="stable") if not math.isnan(given[i])]
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, float(given[place]) * (len(order) - rank)))
        adjusted[place] = highest
    return tuple(adjusted.tolist())


def multiple_r(r_first: float, r_second: float, r_between: float) -> float:
    """Return the multiple correlation of a truth with two predictions, weighed as well as can be.

    `r_first` and `r_second` are theirs with the truth, `r_between` that of both. Taken on the
    samples at hand it is an upper bound of every weighted mean of the two.

    >>> round(multiple_r(0.6, 0.6, 0.0), 4), multiple_r(0.6, 0.6, 1.0)
    (0.8485, 0.6)
    """
    if math.isnan(r_first) or math.isnan(r_second):  # of a truth that does not vary
        return math.nan
    alone = max(abs(r_first), abs(r_second))
    left = 1 - r_between**2
    if not left >= 1e-9:  # nan too: one of them is constant, and adds nothing
        return alone
    square = (r_first**2 + r_second**2 - 2 * r_first * r_second * r_between) / left
    return min(1.0, max(alone, math.sqrt(max(square, 0.0))))
