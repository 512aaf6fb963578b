"""Are eight labels eight? Effective rank and correlations of the dimensions, with thresholds.

Both come from one pass over all rows, summed by composition, so that memory does not grow with
rows. Intervals are a jackknife over compositions (leave one out), with Student's t.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray

from labeling.scores import DIMENSIONS
from models.evaluation.agreement.resampling import TAIL, UNDEFINED_INTERVAL, Interval
from models.evaluation.audits.documents import LabelShape
from models.evaluation.audits.thresholds import Threshold, judge

Floats = NDArray[np.float64]

EFFECTIVE_RANK = Threshold(name="effective rank", bound="at least", number=4.0)
LARGEST_CORRELATION = Threshold(name="largest correlation", bound="at most", number=0.6)
MIDDLE = 75.0
"""The middle of the scale; sums are of score less this, so that squares lose no digits."""

ALMOST_ONE = 1 - 1e-12


def sum_scores(batches: Iterable[pd.DataFrame]) -> dict[str, Floats]:
    """Return the sums (9, 9) of each composition, of rows with `composition` and the dimensions.

    The first entry counts rows, the rest of the first row sums the eight scores, and the rest of
    the matrix their products.
    """
    size = len(DIMENSIONS) + 1
    sums: dict[str, Floats] = defaultdict(lambda: np.zeros((size, size)))
    for batch in batches:
        for composition, rows in batch.groupby("composition"):
            scores = rows[list(DIMENSIONS)].to_numpy(np.float64) - MIDDLE
            found = sums[str(composition)]
            found[0, 0] += len(scores)
            found[0, 1:] += scores.sum(axis=0)
            found[1:, 1:] += scores.T @ scores
    return sums


def participation_ratio(correlation: Floats) -> Floats:
    """Return the effective rank of correlation matrices, (..., n, n) to (...).

    The sum of the eigenvalues is n, that of their squares the sum of all squared entries.
    """
    size: int = correlation.shape[-1]
    return np.asarray(size**2 / np.square(correlation).sum(axis=(-2, -1)), np.float64)


def label_shape(sums: Mapping[str, Floats]) -> LabelShape:
    """Return the shape of the labels from the sums of `sum_scores`.

    The largest of 28 correlations is large by chance, too: its interval is as wide as all 28 need
    together (Bonferroni).
    """
    parts = np.array([sums[name] for name in sorted(sums)])
    total = parts.sum(axis=0)
    whole = _correlation(total)
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
        if len(parts) > 1:
            without = _correlation(total - parts)[np.ix_(np.arange(len(parts)), varied, varied)]
            around_rank = _around_rank(rank, without)
            around_largest = _around_largest(largest, without[:, first, second], len(varied))
    return LabelShape(
        rows=int(total[0, 0]),
        correlation=tuple(map(tuple, whole.tolist())),
        constant=tuple(DIMENSIONS[at] for at in np.flatnonzero(constant)),
        pair=pair,
        thresholds=(
            judge(EFFECTIVE_RANK, rank, around_rank, len(parts)),
            judge(LARGEST_CORRELATION, largest, around_largest, len(parts)),
        ),
    )


def _correlation(sums: Floats) -> Floats:
    """Return correlation matrices, (..., n, n), from sums (..., 1 + n, 1 + n)."""
    count = sums[..., :1, :1]
    mean = sums[..., 0, 1:] / count[..., 0]
    covariance = sums[..., 1:, 1:] / count - mean[..., :, None] * mean[..., None, :]
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
