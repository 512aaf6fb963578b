"""Is the best fusion better than the best single modality?

Which model is best is decided on the validation split. The answer is the 95 % interval of the
difference in r on the judged split, from a bootstrap that redraws whole compositions.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.config.experiment import MODALITIES, SINGLES, Experiment
from models.evaluation.agreement.pairs import FusionPair, LateFusion
from models.evaluation.agreement.resampling import Gain, clustered_gain, clustered_share
from models.inference.model_choice import best_model
from models.metrics import agreement, mean_over_dimensions, pearson_r

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """A model's scores for the judged split, and its r on the validation split.

    `true` and `predicted` are (samples, 8); `validation_r` is by dimension, in the kept epoch.
    `validation` has true and predicted scores of the validation split, None where not predicted.
    """

    name: Experiment
    validation_r: tuple[float, ...]
    true: Floats
    predicted: Floats
    validation: tuple[Floats, Floats] | None = None


def best_of(models: Sequence[Predictions]) -> Predictions:
    """Return the best model by `best_model`."""
    by_name = {model.name: model for model in models}
    return by_name[best_model({name: m.validation_r for name, m in by_name.items()})]


def compare_best(
    models: Sequence[Predictions], clusters: Sequence[str], ceiling_r: float, *, seed: int
) -> FusionPair | None:
    """Return the comparison, None unless a fusion and a single modality were trained.

    `clusters` names each judged sample's composition, `ceiling_r` is the label ceiling's mean.
    """
    fusions = [one for one in models if len(MODALITIES[one.name]) > 1]
    singles = [one for one in models if len(MODALITIES[one.name]) == 1]
    if not fusions or not singles:
        return None
    fusion, single = best_of(fusions), best_of(singles)
    true = single.true
    gain = clustered_gain(true, fusion.predicted, single.predicted, clusters, seed=seed)
    single_r = mean_over_dimensions(pearson_r(true, single.predicted))
    headroom = ceiling_r - single_r
    # Plain measures of the notes may be the best single, but are no encoder that a fusion joins.
    encoders = [one for one in singles if one.name in SINGLES.values()]
    both_r, independent_r = _together(encoders)
    return FusionPair(
        fusion=fusion.name,
        single=single.name,
        fusion_r=single_r + gain.mean_r,
        single_r=single_r,
        difference=gain.mean_r,
        interval=gain.interval,
        headroom=headroom,
        share_of_headroom=_share(gain, headroom),
        share_interval=clustered_share(
            true, fusion.predicted, single.predicted, clusters, ceiling_r, seed=seed
        ),
        both_singles_r=both_r,
        independent_r=independent_r,
    )


def _share(gain: Gain, headroom: float) -> float:
    return gain.mean_r * (1 / headroom) if headroom > 0 else math.nan


def compare_late(
    models: Sequence[Predictions], clusters: Sequence[str], ceiling_r: float, *, seed: int
) -> LateFusion | None:
    """Return how late fusion does beside the best single; None unless both were trained."""
    singles = [one for one in models if len(MODALITIES[one.name]) == 1]
    joined = join_late([one for one in singles if one.name in SINGLES.values()])
    if joined is None:
        return None
    best = best_of(singles)
    gain = clustered_gain(best.true, joined, best.predicted, clusters, seed=seed)
    found = agreement(best.true, joined)
    return LateFusion(
        agreement=found,
        gain=gain,
        share_of_headroom=_share(gain, ceiling_r - (found.mean_r - gain.mean_r)),
        share_interval=clustered_share(
            best.true, joined, best.predicted, clusters, ceiling_r, seed=seed
        ),
    )


def join_late(encoders: Sequence[Predictions]) -> Floats | None:
    """Return the judged scores of two models joined by each dimension's line (see `LateFusion`)."""
    from sklearn.linear_model import LinearRegression

    learnt = [one.validation for one in encoders if one.validation is not None]
    if len(learnt) < 2:
        return None
    joined = np.empty_like(encoders[0].true)
    for place in range(joined.shape[1]):
        line = LinearRegression(positive=True).fit(
            np.column_stack([predicted[:, place] for _, predicted in learnt]),
            learnt[0][0][:, place],
        )
        given = np.column_stack([one.predicted[:, place] for one in encoders])
        joined[:, place] = line.predict(given)
    return joined


def sound_gains(
    models: Sequence[Predictions], clusters: Sequence[str], *, seed: int
) -> tuple[Gain, ...]:
    """Return by dimension what the best fusion gains over the notes alone; () without either."""
    notes = [one for one in models if one.name == SINGLES["midi"]]
    fusions = [one for one in models if len(MODALITIES[one.name]) > 1]
    if not notes or not fusions:
        return ()
    fusion, alone = best_of(fusions).predicted, notes[0].predicted
    return tuple(
        clustered_gain(
            notes[0].true[:, [place]], fusion[:, [place]], alone[:, [place]], clusters, seed=seed
        )
        for place in range(alone.shape[1])
    )


def _together(encoders: Sequence[Predictions]) -> tuple[float, float]:
    """Return `both_singles_r` and `independent_r` of a `FusionPair`."""
    if len(encoders) < 2:
        return float("nan"), float("nan")
    first, second = encoders
    r_first, r_second, r_between = (
        pearson_r(one, other).tolist()
        for one, other in (
            (first.true, first.predicted),
            (first.true, second.predicted),
            (first.predicted, second.predicted),
        )
    )
    found = [
        (multiple_r(one, other, between), multiple_r(one, other, one * other))
        for one, other, between in zip(r_first, r_second, r_between, strict=True)
    ]
    both_r, independent_r = np.array(found).T
    return mean_over_dimensions(both_r), mean_over_dimensions(independent_r)


def multiple_r(r_first: float, r_second: float, r_between: float) -> float:
    """Return the multiple correlation of a truth with two predictions.

    `r_first` and `r_second` are their r with the truth, `r_between` is that between them. It is
    the most that any weighted mean of the two reaches; nan where the truth does not vary.

    >>> round(multiple_r(0.6, 0.6, 0.0), 4), multiple_r(0.6, 0.6, 1.0)
    (0.8485, 0.6)
    """
    if math.isnan(r_first) or math.isnan(r_second):
        return math.nan
    alone = max(abs(r_first), abs(r_second))
    left = 1 - r_between**2
    if not left >= 1e-9:  # nan too: one of them is constant, and adds nothing
        return alone
    square = (r_first**2 + r_second**2 - 2 * r_first * r_second * r_between) / left
    return min(1.0, max(alone, math.sqrt(max(square, 0.0))))
