"""The baseline: hand-made features and gradient boosting, on music that is held out."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from models.config.human_validation import BoostingConfig
from models.evaluation.human.folds import Indices, predict_held_out

FloatArray = NDArray[np.float64]


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
        # Trees can take a gap, but no feature that is nothing else.
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

    with threadpool_limits(1):  # on so few clips, threads wait for each other most of the time
        return predict_held_out(groups, ratings.shape[1], fit)
