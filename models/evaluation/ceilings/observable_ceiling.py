"""The observable ceiling: how well an oracle predicts the labels from the measured damage.

The analytic ceiling assumes that the label distribution is known. The oracle compares the clean
with the damaged playing; a model that has the damaged playing alone should not do better.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from labeling.scores import DIMENSIONS
from models.evaluation.audits.documents import DimensionCeiling
from models.evaluation.audits.shortcut_probes import guess_scores, probe_scores
from models.evaluation.ceilings.label_ceiling import TierScores, label_ceiling
from models.metrics import mean_absolute_error


def analytic_ceilings(tiers: Sequence[TierScores] | None) -> list[DimensionCeiling]:
    """Return each dimension's ceiling for who knows how its label was drawn.

    With `tiers`, scores are uniform inside their tier's range, and only the tier can be known
    (see `ceilings`). Without, a score is a function of its severity, which can be known: r is 1.
    """
    if tiers is None:
        return [DimensionCeiling(dimension=name, r=1.0, mae=0.0) for name in DIMENSIONS]
    ceiling = label_ceiling(tiers)
    return [DimensionCeiling(dimension=name, r=ceiling.r, mae=ceiling.mae) for name in DIMENSIONS]


def observable_ceilings(
    samples: pd.DataFrame, measured: Sequence[str], *, seed: int
) -> list[DimensionCeiling]:
    """Return each dimension's ceiling for an oracle of the columns `measured`.

    A random forest, cross-validated by composition, from the measured damage (a null is a
    column's median) to the scores; a better oracle may exist, so it is a bound from below.
    `samples` has `composition`, the dimensions and `measured`. Raises ValueError for samples of
    fewer than two compositions.
    """
    scores = samples[list(DIMENSIONS)]
    predicted = guess_scores(
        samples[list(measured)], scores, list(samples["composition"]), seed=seed
    )
    mae = mean_absolute_error(scores.to_numpy(np.float64), predicted)
    return [
        DimensionCeiling(dimension=dimension, r=r, mae=float(one), r2=r2)
        for (dimension, r, r2), one in zip(probe_scores(predicted, scores), mae, strict=True)
    ]
