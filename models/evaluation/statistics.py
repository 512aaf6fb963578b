"""How sure a figure is: samples of one piece are alike, so whole pieces are drawn again."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degradation.seeds import stream
from models.metrics import validate

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """Both ends of an interval; nan where it cannot be had."""

    low: float
    high: float


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


def clustered_bootstrap(
    true: Floats,
    predicted: Floats,
    clusters: Sequence[str],
    *,
    seed: int,
    draws: int = 2000,
    confidence: float = 0.95,
) -> AgreementIntervals:
    """Return percentile intervals of mean r and mean MAE, with whole clusters redrawn.

    `true` and `predicted` are (samples, dimensions) and `clusters` names each sample's piece
    (Field & Welsh 2007, randomised cluster bootstrap). The same seed redraws the same
    clusters for every model. With one cluster there is nothing to redraw: nan. Below about
    ten clusters such intervals are too narrow; say so beside them.
    """
    validate(true, predicted)
    if len(clusters) != len(true):
        raise ValueError(f"expected a cluster for each of {len(true)} samples, got {len(clusters)}")
    sums = _cluster_sums(true, predicted, clusters)
    if len(sums) < 2:
        nowhere = Interval(float("nan"), float("nan"))
        return AgreementIntervals(mean_r=nowhere, mean_mae=nowhere, clusters=len(sums))
    rng = stream(seed, "clustered bootstrap")
    times_drawn = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=draws)
    r, mae = _r_and_mae(np.tensordot(times_drawn.astype(np.float64), sums, axes=1))
    tail = (1 - confidence) / 2

    def interval(figures: Floats) -> Interval:
        low, high = np.nanquantile(figures, [tail, 1 - tail])
        return Interval(float(low), float(high))

    return AgreementIntervals(
        mean_r=interval(r.mean(axis=1)), mean_mae=interval(mae.mean(axis=1)), clusters=len(sums)
    )
