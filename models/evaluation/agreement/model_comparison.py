"""The comparison that matters: is the best fusion better than the best single modality?

Which model is best is decided on the validation split, so that what is judged was not also
chosen by the judging. Two tests stand side by side. The bootstrap redraws whole compositions, as
clips of one piece are alike: it is the one to believe, and names the winner. Williams' test
takes clips for independent; it is what papers report, and too sure of itself here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from labeling.scores import DIMENSIONS
from models.config.experiment import MODALITIES, Experiment
from models.evaluation.agreement.resampling import Interval, clustered_differences, clustered_gain
from models.evaluation.agreement.significance import holm, multiple_r, williams
from models.metrics import mean_over_dimensions, pearson_r

Floats = NDArray[np.float64]

SIGNIFICANT_P = 0.05


class Judged(Protocol):
    """A model to choose from: what it predicts, and r of each dimension on the validation split.

    `predicted` and `true` are (samples, 8) of the judged split.
    """

    @property
    def name(self) -> Experiment:
        """The experiment."""

    @property
    def validation_r(self) -> tuple[float, ...]:
        """Pearson's r of each dimension on the validation split, in the kept epoch."""

    @property
    def true(self) -> Floats:
        """The true scores."""

    @property
    def predicted(self) -> Floats:
        """The predicted scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionPair:
    """Best fusion against best single modality in one dimension.

    `difference` is r of the fusion less r of the single. `winner` is a model's name where
    `bootstrap_p_holm` is at most .05, else None; p are of both sides, nan where undefined.
    """

    dimension: str
    fusion: Experiment
    single: Experiment
    fusion_r: float
    single_r: float
    difference: float
    interval: Interval
    bootstrap_p: float
    bootstrap_p_holm: float
    williams_t: float
    williams_p: float
    williams_p_holm: float
    winner: Experiment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanPair:
    """Best fusion against best single modality in mean r over the dimensions.

    `headroom` is what the single leaves below the label ceiling, `share_of_headroom` how much
    of it the fusion gains, with its interval; nan without any headroom. `both_singles_r` is the
    mean multiple correlation of the best audio and the best MIDI model together: what an
    optimal average of their scores would reach, at most; `independent_r` what it would be if the
    two erred independently (r between them = the product of their own). nan when only one was
    trained.
    """

    fusion: Experiment
    single: Experiment
    fusion_r: float
    single_r: float
    difference: float
    interval: Interval
    headroom: float
    share_of_headroom: float
    share_interval: Interval
    both_singles_r: float
    independent_r: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """The comparison on the mean and in each dimension."""

    mean: MeanPair
    dimensions: tuple[DimensionPair, ...]


def rank(validation_r: Sequence[float], dimension: int | None = None) -> float:
    """Return what models are chosen by, the higher the better: r, on the mean or in a dimension.

    Where it is undefined, a model comes last.
    """
    r = np.asarray(validation_r, np.float64)
    found = mean_over_dimensions(r) if dimension is None else float(r[dimension])
    return -np.inf if np.isnan(found) else found


def best_of(models: Sequence[Judged], dimension: int | None = None) -> Judged:
    """Return the model of highest r on the validation split, on the mean or in a dimension."""
    return max(models, key=lambda model: rank(model.validation_r, dimension))


def compare_best(
    models: Sequence[Judged], clusters: Sequence[str], ceiling_r: float, *, seed: int
) -> Pairs | None:
    """Return the comparison, None unless a fusion and a single modality were trained.

    `clusters` names each judged sample's composition, `ceiling_r` is the label ceiling's mean.
    """
    fusions = [one for one in models if len(MODALITIES[one.name]) > 1]
    singles = [one for one in models if len(MODALITIES[one.name]) == 1]
    if not fusions or not singles:
        return None
    return Pairs(
        mean=_on_the_mean(best_of(fusions), best_of(singles), singles, clusters, ceiling_r, seed),
        dimensions=_by_dimension(fusions, singles, clusters, seed),
    )


def _on_the_mean(
    fusion: Judged,
    single: Judged,
    singles: Sequence[Judged],
    clusters: Sequence[str],
    ceiling_r: float,
    seed: int,
) -> MeanPair:
    true = single.true
    gain = clustered_gain(true, fusion.predicted, single.predicted, clusters, seed=seed)
    single_r = mean_over_dimensions(pearson_r(true, single.predicted))
    headroom = ceiling_r - single_r
    scale = 1 / headroom if headroom > 0 else np.nan
    both_r, independent_r = _together(singles)
    return MeanPair(
        fusion=fusion.name,
        single=single.name,
        fusion_r=single_r + gain.mean_r,
        single_r=single_r,
        difference=gain.mean_r,
        interval=gain.interval,
        headroom=headroom,
        share_of_headroom=gain.mean_r * scale,
        share_interval=Interval(gain.interval.low * scale, gain.interval.high * scale),
        both_singles_r=both_r,
        independent_r=independent_r,
    )


def _together(singles: Sequence[Judged]) -> tuple[float, float]:
    """Return the mean multiple correlation of both singles, as found and if errors were apart."""
    if len(singles) < 2:
        return float("nan"), float("nan")
    first, second = singles
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


def _by_dimension(
    fusions: Sequence[Judged], singles: Sequence[Judged], clusters: Sequence[str], seed: int
) -> tuple[DimensionPair, ...]:
    places = range(len(DIMENSIONS))
    best = [(best_of(fusions, place), best_of(singles, place)) for place in places]
    true = singles[0].true
    fused, alone = (
        np.stack([pair[side].predicted[:, place] for place, pair in enumerate(best)], axis=1)
        for side in (0, 1)
    )
    r_fused, r_alone, r_between = (
        pearson_r(one, other).tolist()
        for one, other in ((true, fused), (true, alone), (alone, fused))
    )
    tests = [williams(*r, len(true)) for r in zip(r_fused, r_alone, r_between, strict=True)]
    differences = clustered_differences(true, fused, alone, clusters, seed=seed)
    williams_holm = holm([test.p for test in tests])
    bootstrap_holm = holm([difference.p for difference in differences])
    return tuple(
        DimensionPair(
            dimension=DIMENSIONS[place],
            fusion=best[place][0].name,
            single=best[place][1].name,
            fusion_r=r_fused[place],
            single_r=r_alone[place],
            difference=differences[place].r,
            interval=differences[place].interval,
            bootstrap_p=differences[place].p,
            bootstrap_p_holm=bootstrap_holm[place],
            williams_t=tests[place].t,
            williams_p=tests[place].p,
            williams_p_holm=williams_holm[place],
            winner=(
                best[place][differences[place].r < 0].name
                if bootstrap_holm[place] <= SIGNIFICANT_P
                else None
            ),
        )
        for place in places
    )
