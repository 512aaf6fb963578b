"""Pearson's r and the cluster bootstrap, which redraws whole clusters: pieces, score segments.

Samples of one piece are alike, so an interval must not count them as independent. Most figures
need only sums over samples, so each cluster is summed once and a redrawing is a matrix product:

>>> sums = cluster_sums(np.array([1.0, 2.0, 6.0]), ["a", "a", "b"])
>>> sums.tolist()
[3.0, 6.0]
>>> resample_counts(2, np.random.default_rng(0), draws=3).tolist()
[[1.0, 1.0], [0.0, 2.0], [0.0, 2.0]]
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

RESAMPLES = 1000
INTERVAL = (0.025, 0.975)

CONSTANT = 1e-9
"""A sum of squared deviations below this is rounding error: the variable is constant."""

FloatArray = NDArray[np.float64]
Clusters: TypeAlias = "Sequence[str] | pd.Series[str] | NDArray[np.str_]"


def pearson_r(
    first: FloatArray, second: FloatArray, *, if_second_constant: float = np.nan
) -> float:
    """Return Pearson's r of two arrays, (n,).

    NaN with fewer than two values or where `first` is constant. Where only `second` is constant,
    `if_second_constant`: 0 suits a prediction that says nothing about a truth that varies.
    """
    if len(first) < 2 or np.ptp(first) == 0:
        return float("nan")
    if np.ptp(second) == 0:
        return if_second_constant
    return float(np.corrcoef(first, second)[0, 1])


def pearson_terms(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return what `pearson_of_sums` needs of each sample: (n, ...) to (n, 6, ...).

    Centre both beforehand (on any number near their means), or their squares lose digits.
    """
    one = np.ones_like(first)
    return np.stack([one, first, second, first * first, second * second, first * second], axis=1)


def pearson_of_sums(sums: FloatArray, *, if_second_constant: float = np.nan) -> FloatArray:
    """Return Pearson's r, (draws, ...), from summed terms, (draws, 6, ...).

    Constant arrays are answered as in `pearson_r`, where their sums of squares are below
    `CONSTANT`.
    """
    n, x, y, xx, yy, xy = np.moveaxis(sums, 1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread_x, spread_y = np.maximum(xx - x * x / n, 0), np.maximum(yy - y * y / n, 0)
        r = (xy - x * y / n) / np.sqrt(spread_x * spread_y)
    r = np.where(spread_y < CONSTANT, if_second_constant, r)
    return np.where(spread_x < CONSTANT, np.nan, r)


def cluster_sums(values: FloatArray, clusters: Clusters) -> FloatArray:
    """Return sums of samples, (n, ...), over each cluster, (clusters, ...), sorted by name."""
    names, index = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.zeros((len(names), *values.shape[1:]))
    np.add.at(sums, index, values)
    return sums


def resample_counts(clusters: int, rng: np.random.Generator, draws: int = RESAMPLES) -> FloatArray:
    """Return how often each cluster is drawn, (draws, clusters), as many as there are a draw."""
    counts = rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=draws)
    return counts.astype(np.float64)


def resample_sums(sums: FloatArray, rng: np.random.Generator, draws: int = RESAMPLES) -> FloatArray:
    """Return sums over redrawn clusters, (draws, ...), from the sums of each, (clusters, ...)."""
    return np.tensordot(resample_counts(len(sums), rng, draws), sums, axes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """A correlation of `n` pairs and its 95 % bounds; NaN where they are undefined."""

    r: float
    low: float
    high: float
    n: int


def clustered_correlation(
    pairs: FloatArray, clusters: Clusters, rng: np.random.Generator
) -> Correlation:
    """Return Pearson's r of two columns, (n, 2), with the bounds of a cluster bootstrap.

    Given ranks it is Spearman's rho; the ranks of the full table are kept. NaN below three pairs
    or where a column is constant; no bounds with a single cluster.
    """
    if len(pairs) < 3:
        return Correlation(r=np.nan, low=np.nan, high=np.nan, n=len(pairs))
    centred = pairs - pairs.mean(axis=0)
    sums = cluster_sums(pearson_terms(centred[:, 0], centred[:, 1]), clusters)
    r = float(pearson_of_sums(sums.sum(axis=0, keepdims=True))[0])
    if len(sums) < 2 or np.isnan(r):
        return Correlation(r=r, low=np.nan, high=np.nan, n=len(pairs))
    low, high = np.nanquantile(pearson_of_sums(resample_sums(sums, rng)), INTERVAL)
    return Correlation(r=r, low=float(low), high=float(high), n=len(pairs))
