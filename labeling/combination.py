"""One score of all labeling functions, and whether it is better than their plain mean.

Where the damage is known, weights can be learnt: they are fitted on one split and judged on
compositions that it has not. Label models that know no truth are often no better than a plain
vote (snorkel #1115, #1600), so the plain mean stands beside every figure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.stats import rankdata

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
    """How much each function's standardised score counts; weights are 0 or more.

    `functions`, `means`, `spreads` and `weights` belong together by place.
    """

    functions: tuple[str, ...]
    means: FloatArray
    spreads: FloatArray
    weights: FloatArray

    def combine(self, scores: pd.DataFrame) -> FloatArray:
        """Return one score a sample from scores, samples × functions; missing is an abstention.

        A function that abstains counts as its mean: it moves a sample neither way.
        """
        wide = scores[list(self.functions)].to_numpy(dtype=np.float64)
        standard = np.nan_to_num((wide - self.means) / self.spreads, nan=0.0)
        combined: FloatArray = standard @ self.weights
        return combined


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Spearman's rho of a combined score and of the plain mean with the quality that is known.

    Bounds are of a bootstrap of whole compositions; `gain` is the difference on the same ones.
    """

    combined: Correlation
    plain_mean: Correlation
    gain: float
    gain_low: float
    gain_high: float


def fit_combination(scores: pd.DataFrame, quality: FloatArray) -> Combination:
    """Return weights of 0 or more that bring the scores nearest to the quality, (samples,).

    Least squares on standardised scores (`scipy.optimize.nnls`): a function whose score falls
    as quality rises gets none, for each claims that more is better. Functions that never answer, or
    always alike, are left out. Raises ValueError when none is left, or quality does not vary.
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
    weights, _ = nnls(standard, (quality - quality.mean()) / quality.std())
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
    """Return how both follow the quality of samples that the weights were not fitted on.

    The plain mean is that of the scores of the functions that answered; a sample on which none
    did counts as the mean of all.
    """
    mean = scores.mean(axis=1)
    ranks = [
        np.stack([rankdata(score), rankdata(quality)], axis=1)
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
