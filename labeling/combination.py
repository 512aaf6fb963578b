"""One weighted score of all labeling functions, compared with their plain mean.

Weights are fitted where the damage is known, and evaluated on other compositions. Label models
without ground truth are often no better than a plain vote (snorkel #1115, #1600).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray

from degradation.seeds import stream
from labeling.statistics import (
    INTERVAL,
    Correlation,
    cluster_sums,
    clustered_correlation,
    pearson_of_sums,
    pearson_terms,
    resample_sums,
)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Combination:
    """Nonnegative weights of the functions' standardised scores.

    `functions`, `means`, `spreads` and `weights` have one entry a function each.
    """

    functions: tuple[str, ...]
    means: FloatArray
    spreads: FloatArray
    weights: FloatArray

    def combine(self, scores: pd.DataFrame) -> FloatArray:
        """Return one score a sample from scores, samples × functions.

        A missing score (the function abstained) counts as the function's mean.
        """
        wide = scores[list(self.functions)].to_numpy(dtype=np.float64)
        standard = np.nan_to_num((wide - self.means) / self.spreads, nan=0.0)
        combined: FloatArray = standard @ self.weights
        return combined


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Spearman's rho of the combined score and of the plain mean with the known quality.

    Bounds are from a bootstrap of whole compositions; `gain` is the difference of the two.
    """

    combined: Correlation
    plain_mean: Correlation
    gain: float
    gain_low: float
    gain_high: float


def fit_combination(scores: pd.DataFrame, quality: FloatArray) -> Combination:
    """Return nonnegative least-squares weights (`scipy.optimize.nnls`) for the quality, (samples,).

    A function whose score falls as quality rises gets weight 0. Functions with constant or no
    scores are left out. Raises ValueError when none is left, or quality does not vary.
    """
    spreads = scores.std(ddof=0)
    usable = [str(name) for name, spread in spreads.items() if spread > 0]
    if not usable or np.ptp(quality) == 0:
        raise ValueError(
            f"expected scores and a quality that vary, got {len(usable)} functions that do and "
            f"quality from {quality.min():g} to {quality.max():g}"
        )
    wide = scores[usable].to_numpy(dtype=np.float64)
    means, spread = np.nanmean(wide, axis=0), np.nanstd(wide, axis=0)
    standard = np.nan_to_num((wide - means) / spread, nan=0.0)
    weights, _ = scipy.optimize.nnls(standard, (quality - quality.mean()) / quality.std())
    return Combination(
        functions=tuple(usable), means=means, spreads=spread, weights=np.asarray(weights)
    )


def compare_with_mean(
    combination: Combination,
    scores: pd.DataFrame,
    quality: FloatArray,
    compositions: "pd.Series[str]",
    *,
    seed: int,
) -> Comparison:
    """Return how both correlate with the quality of samples that the weights were not fitted on.

    The plain mean is that of the available scores; a sample without any has the mean of all.
    """
    mean = scores.mean(axis=1)
    ranks = [
        np.stack([scipy.stats.rankdata(score), scipy.stats.rankdata(quality)], axis=1)
        for score in (combination.combine(scores), mean.fillna(mean.mean()).to_numpy())
    ]
    combined, plain = (
        clustered_correlation(pairs, compositions, stream(seed, "combination")) for pairs in ranks
    )
    low, high = _gain_bounds(ranks, compositions, stream(seed, "combination", "gain"))
    return Comparison(
        combined=combined,
        plain_mean=plain,
        gain=combined.r - plain.r,
        gain_low=low,
        gain_high=high,
    )


def _gain_bounds(
    ranks: Sequence[FloatArray], compositions: "pd.Series[str]", rng: np.random.Generator
) -> tuple[float, float]:
    """Return the 95 % bounds of the difference of two r, on the same redrawn compositions."""
    centred = np.stack(ranks) - np.mean(ranks, axis=1, keepdims=True)
    terms = pearson_terms(centred[:, :, 0].T, centred[:, :, 1].T)
    sums = cluster_sums(terms, compositions)
    if len(sums) < 2:
        return float("nan"), float("nan")
    combined, plain = pearson_of_sums(resample_sums(sums, rng)).T
    low, high = np.nanquantile(combined - plain, INTERVAL)
    return float(low), float(high)
