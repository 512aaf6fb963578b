"""How sure a figure is: samples of one piece are alike, so whole pieces are drawn again."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degradation.seeds import stream
from models.metrics import mean_over_dimensions, pearson_r, validate

Floats = NDArray[np.float64]


TAIL = 0.025
"""On either side of a 95 % interval."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Both ends of an interval; nan where it cannot be had."""

    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the sign is beyond doubt; never of an interval that cannot be had."""
        return self.low > 0 or self.high < 0


NOWHERE = Interval(float("nan"), float("nan"))


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementIntervals:
    """Intervals of the mean r and the mean MAE, and how many clusters they rest on."""

    mean_r: Interval
    mean_mae: Interval
    clusters: int


def _cluster_sums(true: Floats, predicted: Floats, clusters: Sequence[str]) -> Floats:
    """Return (clusters, 7, dimensions) sums: n, x, y, xx, yy, xy and |x - y|."""
    # Shifted towards zero, so that the squares lose no digits.
    y, x = true - true.mean(axis=0), predicted - true.mean(axis=0)
    per_sample = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y, np.abs(x - y)], axis=1)
    names, index = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.zeros((len(names), *per_sample.shape[1:]))
    np.add.at(sums, index, per_sample)
    return sums


def _r_and_mae(sums: Floats) -> tuple[Floats, Floats]:
    """Return r and MAE, each (draws, dimensions), from summed (draws, 7, dimensions)."""
    n, x, y, xx, yy, xy, distance = np.moveaxis(sums, 1, 0)
    spread_x, spread_y = np.maximum(xx - x * x / n, 0), np.maximum(yy - y * y / n, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (xy - x * y / n) / np.sqrt(spread_x * spread_y)
    r = np.where(spread_y < 1e-9, np.nan, np.where(spread_x < 1e-9, 0.0, r))
    return r, distance / n


def _redrawn(
    true: Floats, predicted: Floats, clusters: Sequence[str], seed: int, draws: int
) -> tuple[Floats, Floats] | None:
    """Return mean r and mean MAE, (draws,) each, with whole clusters redrawn; None with one."""
    validate(true, predicted)
    if len(clusters) != len(true):
        raise ValueError(f"expected a cluster for each of {len(true)} samples, got {len(clusters)}")
    sums = _cluster_sums(true, predicted, clusters)
    if len(sums) < 2:
        return None
    rng = stream(seed, "clustered bootstrap")
    times_drawn = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=draws)
    r, mae = _r_and_mae(np.tensordot(times_drawn.astype(np.float64), sums, axes=1))
    return r.mean(axis=1), mae.mean(axis=1)


def _interval(figures: Floats) -> Interval:
    low, high = np.nanquantile(figures, [TAIL, 1 - TAIL])
    return Interval(float(low), float(high))


def clustered_bootstrap(
    true: Floats,
    predicted: Floats,
    clusters: Sequence[str],
    *,
    seed: int,
    draws: int = 2000,
) -> AgreementIntervals:
    """Return 95 % percentile intervals of mean r and mean MAE, with whole clusters redrawn.

    `true` and `predicted` are (samples, dimensions) and `clusters` names each sample's piece
    (Field & Welsh 2007, randomised cluster bootstrap). The same seed redraws the same
    clusters for every model. With one cluster there is nothing to redraw: nan. Below about
    ten clusters such intervals are too narrow; say so beside them.
    """
    count = len(set(clusters))
    redrawn = _redrawn(true, predicted, clusters, seed, draws)
    if redrawn is None:
        return AgreementIntervals(mean_r=NOWHERE, mean_mae=NOWHERE, clusters=count)
    mean_r, mean_mae = redrawn
    return AgreementIntervals(
        mean_r=_interval(mean_r), mean_mae=_interval(mean_mae), clusters=count
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """By how much a model's mean r is above another's, with a 95 % interval."""

    mean_r: float
    interval: Interval


def clustered_gain(
    true: Floats,
    predicted: Floats,
    other: Floats,
    clusters: Sequence[str],
    *,
    seed: int,
    draws: int = 2000,
) -> Gain:
    """Return how far `predicted` is above `other` in mean r, both judged on the same redrawings.

    Models are right and wrong about the same pieces, so the interval of their difference is
    narrower than those of both figures suggest, and overlap of those two says little.
    """
    mean_r = mean_over_dimensions(pearson_r(true, predicted))
    mine, theirs = (_redrawn(true, one, clusters, seed, draws) for one in (predicted, other))
    return Gain(
        mean_r=mean_r - mean_over_dimensions(pearson_r(true, other)),
        interval=NOWHERE if mine is None or theirs is None else _interval(mine[0] - theirs[0]),
    )


def within_tier_r(true: Floats, predicted: Floats, tiers: Sequence[str]) -> float:
    """Return r inside each tier, as the mean over tiers (by size) and dimensions."""
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
