"""The observable ceiling: how well an oracle predicts the labels from the measured damage.

The oracle compares the clean with the damaged playing; a model that has the damaged playing alone
should not do better.
"""

from collections.abc import Sequence

import pandas as pd

from labeling.scores import DIMENSIONS
from models.evaluation.audits.documents import DimensionCeiling
from models.evaluation.audits.shortcut_probes import guess_scores, probe_scores


def observable_ceilings(
    samples: pd.DataFrame, measured: Sequence[str], *, seed: int
) -> list[DimensionCeiling]:
    """Return how well the columns `measured` predict each dimension.

    By a random forest, cross-validated by composition; a better predictor may exist. `samples`
    has `composition`, the dimensions and `measured`. Raises ValueError for samples of fewer than
    two compositions.
    """
    scores = samples[list(DIMENSIONS)]
    predicted = guess_scores(
        samples[list(measured)], scores, list(samples["composition"]), seed=seed
    )
    return [
        DimensionCeiling(dimension=dimension, r=r, r2=r2)
        for dimension, r, r2 in probe_scores(predicted, scores)
    ]
