"""Are eight labels eight? Effective rank and correlations of the dimensions, with thresholds.

Both come from one pass over all rows, as sums a composition: memory does not grow with rows.
Intervals are a jackknife over compositions (leave one out), with Student's t. The sums are
taken of score − 75, the middle of the scale, so that their squares lose no digits.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import scipy.stats
from numpy.typing import NDArray

from labeling.scores import DIMENSIONS
from models.evaluation.agreement.resampling import TAIL, UNDEFINED_INTERVAL, Interval
from models.evaluation.audits.documents import LabelShape
from models.evaluation.audits.thresholds import Threshold, judge

Floats = NDArray[np.float64]

EFFECTIVE_RANK = Threshold(name="effective rank", bound="at least", number=4.0)
LARGEST_CORRELATION = Threshold(name="largest correlation", bound="at most", number=0.6)
MIDDLE = 75.0
ALMOST_ONE = 1 - 1e-12


@dataclass(slots=True)
class ScoreSums:
    """Rows, sums and sums of products of the eight scores, a composition; add rows as they come."""

    counts: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    sums: dict[str, Floats] = field(default_factory=lambda: defaultdict(_zeros))
    products: dict[str, Floats] = field(default_factory=lambda: defaultdict(_zero_matrix))

    def add(self, rows: pd.DataFrame) -> None:
        """Count rows, which have `composition` and the eight dimensions."""
        for composition, some in rows.groupby("composition"):
            scores = some[list(DIMENSIONS)].to_numpy(np.float64) - MIDDLE
            self.counts[str(composition)] += len(scores)
            self.sums[str(composition)] += scores.sum(axis=0)
            self.products[str(composition)] += scores.T @ scores


def participation_ratio(correlation: Floats) -> Floats:
    """Return the effective rank of correlation matrices, (..., n, n) to (...).

    The sum of the eigenvalues is the trace, n; that of their squares is the sum of all squared
    entries.
    """
    size: int = correlation.shape[-1]
    return np.asarray(size**2 / np.square(correlation).sum(axis=(-2, -1)), np.float64)


def label_shape(sums: ScoreSums) -> LabelShape:
    """Return the shape of the labels with its two thresholds: effective rank, largest correlation.

    The largest of 28 correlations is large by chance, too: its interval is as wide as all 28 need
    together (Bonferroni). Dimensions with one value in all rows are left out and named.
    """
    names = sorted(sums.counts)
    parts = (
        np.array([sums.counts[name] for name in names]),
        np.array([sums.sums[name] for name in names]),
        np.array([sums.products[name] for name in names]),
    )
    totals = [part.sum(axis=0) for part in parts]
    whole = _correlation(*totals)
    constant = np.isnan(np.diagonal(whole))
    varied = np.flatnonzero(~constant)
    pair, rank, largest = None, np.nan, np.nan
    around_rank = around_largest = UNDEFINED_INTERVAL
    if len(varied) > 1:
        among = np.ix_(varied, varied)
        each_pair_once = np.abs(np.triu(whole[among], 1))
        first, second = np.unravel_index(each_pair_once.argmax(), each_pair_once.shape)
        pair = (DIMENSIONS[varied[first]], DIMENSIONS[varied[second]])
        rank = float(participation_ratio(whole[among]))
        largest = float(each_pair_once[first, second])
        if len(names) > 1:
            without = _correlation(
                *(total - part for total, part in zip(totals, parts, strict=True))
            )
            without = without[np.ix_(np.arange(len(names)), varied, varied)]
            around_rank = _around_rank(rank, without)
            around_largest = _around_largest(largest, without[:, first, second], len(varied))
    return LabelShape(
        rows=int(totals[0]),
        correlation=tuple(map(tuple, whole.tolist())),
        constant=tuple(DIMENSIONS[at] for at in np.flatnonzero(constant)),
        pair=pair,
        thresholds=(
            judge(EFFECTIVE_RANK, rank, around_rank, len(names)),
            judge(LARGEST_CORRELATION, largest, around_largest, len(names)),
        ),
    )


def sum_scores(batches: Iterable[pd.DataFrame]) -> ScoreSums:
    """Return the sums of all rows, batch by batch."""
    found = ScoreSums()
    for batch in batches:
        found.add(batch)
    return found


def _zeros() -> Floats:
    return np.zeros(len(DIMENSIONS))


def _zero_matrix() -> Floats:
    return np.zeros((len(DIMENSIONS), len(DIMENSIONS)))


def _correlation(count: Floats, total: Floats, product: Floats) -> Floats:
    """Return correlation matrices, (..., n, n), from counts (...), sums and sums of products."""
    weight = np.asarray(count)[..., None]
    mean = total / weight
    covariance = product / weight[..., None] - mean[..., :, None] * mean[..., None, :]
    spread = np.sqrt(np.maximum(np.diagonal(covariance, axis1=-2, axis2=-1), 0))
    spread = np.where(spread < 1e-6, np.nan, spread)
    found: Floats = covariance / (spread[..., :, None] * spread[..., None, :])
    return found


def _around_rank(rank: float, without: Floats) -> Interval:
    """Return the interval of the effective rank from the matrices without each composition."""
    found = _jackknife(rank, participation_ratio(without), TAIL)
    return Interval(max(found.low, 1.0), min(found.high, float(without.shape[-1])))


def _around_largest(largest: float, without: Floats, dimensions: int) -> Interval:
    """Return the interval of the largest correlation from what it is without each composition.

    Fisher's z: its spread does not depend on r, and its interval stays below 1.
    """
    z = np.arctanh(np.minimum(np.abs(without), ALMOST_ONE))
    pairs = dimensions * (dimensions - 1) // 2
    found = _jackknife(float(np.arctanh(min(largest, ALMOST_ONE))), z, TAIL / pairs)
    return Interval(float(np.tanh(found.low)), float(np.tanh(found.high)))


def _jackknife(value: float, without: Floats, tail: float) -> Interval:
    """Return the interval of a figure from the figures without each composition."""
    count = len(without)
    error = float(np.sqrt((count - 1) * np.mean(np.square(without - without.mean()))))
    reach = float(scipy.stats.t.ppf(1 - tail, count - 1)) * error
    return Interval(value - reach, value + reach)
