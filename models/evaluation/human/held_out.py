"""Ratings predicted for music that was held out, and how good the predictions are.

The baseline predicts from hand-made features by gradient boosting.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import LeaveOneGroupOut
from threadpoolctl import threadpool_limits

from labeling.statistics import cluster_sums, pearson_of_sums, pearson_terms, resample_counts
from models.config.human_validation import BoostingConfig
from models.evaluation.agreement.resampling import Interval, percentile_interval
from models.evaluation.human.document import HeldOut
from models.evaluation.human.rating_agreement import centre

FloatArray = NDArray[np.float64]
Indices = NDArray[np.intp]


def predict_held_out(
    groups: Sequence[str], scales: int, fit: Callable[[Indices, Indices], FloatArray]
) -> FloatArray:
    """Return predictions (clips, scales), each made without the clip's own group.

    `fit` takes the indices to learn from and those to predict. Raises ValueError with one group.
    """
    predicted = np.full((len(groups), scales), np.nan)
    for others, own in LeaveOneGroupOut().split(predicted, groups=groups):
        predicted[own] = fit(others, own)
    return predicted


def predict_baseline(
    features: FloatArray,
    ratings: FloatArray,
    groups: Sequence[str],
    config: BoostingConfig,
    *,
    seed: int,
) -> FloatArray:
    """Return ratings predicted from features, (clips, scales); each clip's group was held out.

    `features` is (clips, features) and may hold NaN, `ratings` (clips, scales).
    """

    def fit(learn: Indices, predict: Indices) -> FloatArray:
        # Trees accept gaps, but no feature without any value.
        known = features[:, ~np.isnan(features[learn]).all(axis=0)]
        columns = []
        for scale in range(ratings.shape[1]):
            trees = HistGradientBoostingRegressor(
                max_iter=config.trees,
                learning_rate=config.learning_rate,
                max_depth=config.deepest,
                min_samples_leaf=config.least_leaf,
                early_stopping=False,
                random_state=seed,
            )
            trees.fit(known[learn], ratings[learn, scale])
            columns.append(trees.predict(known[predict]))
        return np.stack(columns, axis=1)

    with threadpool_limits(1):  # with so few clips, threads mostly wait for each other
        return predict_held_out(groups, ratings.shape[1], fit)


def judge_held_out(
    true: FloatArray, predicted: FloatArray, passages: Sequence[str], rng: np.random.Generator
) -> HeldOut:
    """Return the figures of predictions; both arrays are (clips, scales)."""
    missed = ((true - predicted) ** 2).sum(axis=0)
    spread = ((true - true.mean(axis=0)) ** 2).sum(axis=0)
    within = _within(true, predicted, passages)
    redrawn = np.tensordot(resample_counts(len(within), rng), within, axes=1)
    return HeldOut(
        r2=float(np.mean(1 - missed / spread)),
        r=float(mean_r(_sums(true, predicted, ["all"] * len(true)))[0]),
        within_r=float(mean_r(within.sum(axis=0, keepdims=True))[0]),
        within_interval=percentile_interval(mean_r(redrawn)),
    )


def gain_within(
    true: FloatArray,
    predicted: FloatArray,
    other: FloatArray,
    passages: Sequence[str],
    rng: np.random.Generator,
) -> tuple[float, Interval]:
    """Return by how much `predicted` is above `other` in `within_r`, and its 95 % interval.

    Both are judged on the same redrawn passages.
    """
    sums = [_within(true, one, passages) for one in (predicted, other)]
    counts = resample_counts(len(sums[0]), rng)
    here, there = (mean_r(one.sum(axis=0, keepdims=True))[0] for one in sums)
    redrawn = [mean_r(np.tensordot(counts, one, axes=1)) for one in sums]
    return float(here - there), percentile_interval(redrawn[0] - redrawn[1])


def _within(true: FloatArray, predicted: FloatArray, passages: Sequence[str]) -> FloatArray:
    return _sums(centre(true, passages), centre(predicted, passages), passages)


def _sums(true: FloatArray, predicted: FloatArray, passages: Sequence[str]) -> FloatArray:
    """Return (passages, 6, scales) sums for Pearson's r."""
    terms = pearson_terms(true - true.mean(axis=0), predicted - predicted.mean(axis=0))
    return cluster_sums(terms, passages)


def mean_r(sums: FloatArray) -> FloatArray:
    """Return Pearson's r as the mean over scales, (draws,), from sums (draws, 6, scales).

    A constant prediction has r = 0.
    """
    found: FloatArray = pearson_of_sums(sums, if_second_constant=0.0).mean(axis=1)
    return found
