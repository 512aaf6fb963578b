"""Correlations with bootstrap bounds for which whole clusters are drawn: pieces, score segments."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

RESAMPLES = 1000
INTERVAL = (0.025, 0.975)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """A correlation of `n` pairs and its 95 % bounds; NaN where they cannot be had."""

    r: float
    low: float
    high: float
    n: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the sign is beyond doubt; never without bounds."""
        return self.low > 0 or self.high < 0


def clustered_correlation(
    pairs: FloatArray, clusters: "Sequence[str] | pd.Series[str]", rng: np.random.Generator
) -> Correlation:
    """Return Pearson's r of two columns, (n, 2), with its bootstrap bounds, clusters drawn whole.

    Given ranks it is Spearman's rho, with the ranks of the full table kept. r needs six sums
    only, so that each cluster is summed once and a resample is a product. NaN below three pairs
    or where nothing varies; without bounds where there is one cluster.
    """
    codes, names = pd.factorize(np.asarray(clusters), sort=True)
    if len(pairs) < 3:
        return Correlation(r=np.nan, low=np.nan, high=np.nan, n=len(pairs))
    x, y = (pairs - pairs.mean(axis=0)).T
    terms = (np.ones_like(x), x, y, x * x, y * y, x * y)
    sums = np.stack([np.bincount(codes, weights=term) for term in terms], axis=1)
    r = float(_correlation_of_sums(sums.sum(axis=0, keepdims=True))[0])
    if len(names) < 2 or np.isnan(r):
        return Correlation(r=r, low=np.nan, high=np.nan, n=len(pairs))
    times_drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=RESAMPLES)
    low, high = np.nanquantile(
        _correlation_of_sums(times_drawn.astype(np.float64) @ sums), INTERVAL
    )
    return Correlation(r=r, low=float(low), high=float(high), n=len(pairs))


def _correlation_of_sums(sums: FloatArray) -> FloatArray:
    """Return Pearson's r from rows of n, Σx, Σy, Σx², Σy², Σxy; NaN where nothing varies."""
    n, x, y, xx, yy, xy = sums.T
    spread_x, spread_y = n * xx - x**2, n * yy - y**2
    varies = (spread_x > 1e-9 * n * n) & (spread_y > 1e-9 * n * n)
    scale = np.sqrt(np.where(varies, spread_x * spread_y, 1.0))
    correlation: FloatArray = np.where(varies, (n * xy - x * y) / scale, np.nan)
    return np.clip(correlation, -1.0, 1.0)
