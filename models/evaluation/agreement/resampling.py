"""Confidence intervals by the cluster bootstrap (Field & Welsh 2007).

Compositions are resampled whole, because samples of one composition are correlated. The same seed
redraws the same ones for every model. With one there is no interval: nan.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degradation.seeds import stream
from labeling.statistics import (
    cluster_sums,
    pearson_of_sums,
    pearson_terms,
    resample_counts,
    resample_sums,
)
from models.document import Number
from models.metrics import mean_over_dimensions, pearson_r, validate

Floats = NDArray[np.float64]

DRAWS = 2000

TAIL = 0.025
"""On either side of a 95 % interval."""

MOST_UNDEFINED = 2 * TAIL
"""Where more redrawings than this share lack a figure, as labels vary in one or two compositions
alone, the interval of the others would not be a 95 % one: there is none."""

FEWEST_FOR_INTERVAL = 5
"""Below this number of compositions an interval that redraws them says nothing."""

FEWEST_COMPOSITIONS = 6
"""A gain is not called sure on fewer: five compositions all favour one model by chance in 2 / 2^5 >
.05 of cases."""

FEW_COMPOSITIONS = 10
"""Below this number, intervals that redraw whole compositions are too narrow: they can show a
large effect, and cannot rule one out."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Both ends of an interval; nan where it is not defined."""

    low: Number
    high: Number

    @property
    def excludes_zero(self) -> bool:
        """Whether it lies on one side of 0; False where it is not defined."""
        return self.low > 0 or self.high < 0


UNDEFINED_INTERVAL = Interval(float("nan"), float("nan"))


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementIntervals:
    """Intervals of the mean r and the mean MAE."""

    mean_r: Interval
    mean_mae: Interval


def _redrawn(
    true: Floats, predicted: Floats, clusters: Sequence[str], seed: int, draws: int = DRAWS
) -> tuple[Floats, Floats] | None:
    """Return r and MAE, (draws, dimensions) each, with whole clusters redrawn; None with one."""
    validate(true, predicted)
    if len(clusters) != len(true):
        raise ValueError(f"expected a cluster for each of {len(true)} samples, got {len(clusters)}")
    # Shifted towards zero, so that the squares lose no digits.
    y, x = true - true.mean(axis=0), predicted - true.mean(axis=0)
    terms = np.concatenate([pearson_terms(y, x), np.abs(x - y)[:, None]], axis=1)
    sums = cluster_sums(terms, clusters)
    if len(sums) < 2:
        return None
    redrawn = resample_sums(sums, stream(seed, "clustered bootstrap"), draws)
    r = pearson_of_sums(redrawn[:, :6], if_second_constant=0.0)
    return r, redrawn[:, 6] / redrawn[:, 0]


def _ends(figures: Floats) -> tuple[Floats, Floats]:
    """Return both ends of the intervals of figures (draws, ...); see `MOST_UNDEFINED`."""
    unknown = np.isnan(figures).mean(axis=0) > MOST_UNDEFINED
    low, high = np.nanquantile(np.where(unknown, 0.0, figures), [TAIL, 1 - TAIL], axis=0)
    return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)


def percentile_interval(figures: Floats) -> Interval:
    """Return the 95 % interval of redrawn figures, (draws,); nan where too few are defined."""
    low, high = _ends(figures)
    return Interval(float(low), float(high))


def _mean_of_defined(r: Floats) -> Floats:
    """Return the mean r (draws,) over the dimensions (draws, dimensions) that a draw defines."""
    defined = ~np.isnan(r)
    with np.errstate(invalid="ignore"):
        mean: Floats = np.where(defined, r, 0.0).sum(axis=1) / defined.sum(axis=1)
    return mean


def clustered_bootstrap(
    true: Floats,
    predicted: Floats,
    clusters: Sequence[str],
    *,
    seed: int,
    draws: int = DRAWS,
) -> AgreementIntervals:
    """Return intervals of mean r and mean MAE of `true` and `predicted`, (samples, dimensions).

    `clusters` names each sample's piece. A dimension without r, as its truth does not vary, is
    left out of the mean, in a redrawing as in the sample.
    """
    redrawn = _redrawn(true, predicted, clusters, seed, draws)
    if redrawn is None:
        return AgreementIntervals(mean_r=UNDEFINED_INTERVAL, mean_mae=UNDEFINED_INTERVAL)
    r, mae = redrawn
    return AgreementIntervals(
        mean_r=percentile_interval(_mean_of_defined(r)),
        mean_mae=percentile_interval(mae.mean(axis=1)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """By how much a model's mean r is above another's, with a 95 % interval."""

    mean_r: Number
    interval: Interval


def clustered_gain(
    true: Floats, predicted: Floats, other: Floats, clusters: Sequence[str], *, seed: int
) -> Gain:
    """Return how far `predicted` is above `other` in mean r, both judged on the same redrawings.

    Models are right and wrong about the same pieces, so the interval of the difference is narrower
    than the two models' own intervals suggest.
    """
    mean_r = mean_over_dimensions(pearson_r(true, predicted))
    redrawn = _redrawn_means(true, predicted, other, clusters, seed)
    interval = percentile_interval(redrawn[0] - redrawn[1]) if redrawn else UNDEFINED_INTERVAL
    return Gain(mean_r=mean_r - mean_over_dimensions(pearson_r(true, other)), interval=interval)


def clustered_share(
    true: Floats,
    predicted: Floats,
    other: Floats,
    clusters: Sequence[str],
    ceiling_r: float,
    *,
    seed: int,
) -> Interval:
    """Return the interval of the share of the way from `other`'s mean r to a ceiling's.

    The ceiling stays, both models are redrawn together; nan where `other` may leave no headroom.
    """
    redrawn = _redrawn_means(true, predicted, other, clusters, seed)
    if redrawn is None:
        return UNDEFINED_INTERVAL
    mine, theirs = redrawn
    headroom = np.where(theirs < ceiling_r, ceiling_r - theirs, np.nan)
    return percentile_interval((mine - theirs) / headroom)


def _redrawn_means(
    true: Floats, predicted: Floats, other: Floats, clusters: Sequence[str], seed: int
) -> tuple[Floats, Floats] | None:
    """Return both models' mean r on the same redrawings, (draws,) each; None with one cluster."""
    mine, theirs = (_redrawn(true, one, clusters, seed) for one in (predicted, other))
    if mine is None or theirs is None:
        return None
    return _mean_of_defined(mine[0]), _mean_of_defined(theirs[0])


def clustered_means(
    values: Floats, clusters: Sequence[str], *, seed: int
) -> tuple[Floats, Floats, Floats]:
    """Return the means over the first axis of (rows, ...) and both ends of their intervals.

    `clusters` names each row's piece. A nan is left out. The ends are nan with one cluster, and
    where only one or two have the value.
    """
    mean, redrawn = _mean_and_redrawn(values, clusters, seed)
    return mean, *_ends(redrawn)


def clustered_levels(
    start: Floats, change: Floats, clusters: Sequence[str], *, seed: int
) -> tuple[Floats, Floats, Floats]:
    """Return mean start + mean change with both ends of their intervals, redrawn together.

    Both are (rows, ...), and broadcast. Rows that lack a change count in the start alone: a mean
    of the levels would compare different rows. Where no change is missing, it is that mean.
    """
    begun, moved = (_mean_and_redrawn(one, clusters, seed) for one in (start, change))
    return begun[0] + moved[0], *_ends(begun[1] + moved[1])


def _mean_and_redrawn(values: Floats, clusters: Sequence[str], seed: int) -> tuple[Floats, Floats]:
    """Return means (...) of (rows, ...), and redrawn (draws, ...); one cluster is a draw of nan."""
    if len(clusters) != len(values):
        raise ValueError(f"expected a cluster for each of {len(values)} rows, got {len(clusters)}")
    there = ~np.isnan(values)
    sums = cluster_sums(np.where(there, values, 0.0), clusters)
    counts = cluster_sums(there.astype(np.float64), clusters)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums.sum(axis=0) / counts.sum(axis=0)
        if len(sums) < 2:
            return mean, np.full((1, *mean.shape), np.nan)
        times = resample_counts(len(sums), stream(seed, "clustered bootstrap"), DRAWS)
        total, count = (np.tensordot(times, part, axes=1) for part in (sums, counts))
        return mean, total / count


def within_tier_r(true: Floats, predicted: Floats, tiers: Sequence[str]) -> float:
    """Return r inside single tiers: the mean over dimensions, then over tiers by size."""
    belongs = np.asarray(tiers)
    names, sizes = np.unique(belongs, return_counts=True)
    figures = np.array(
        [
            mean_over_dimensions(pearson_r(true[belongs == tier], predicted[belongs == tier]))
            for tier in names
        ]
    )
    defined = ~np.isnan(figures)
    if not defined.any():
        return float("nan")
    return float(np.average(figures[defined], weights=sizes[defined]))
