"""Predictions of ratings for music that was held out, and how good they are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labeling.statistics import INTERVAL, RESAMPLES
from models.evaluation.agreement.resampling import Interval
from models.evaluation.human.agreement import centre

FloatArray = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """How well ratings were predicted for held-out music: means over the scales.

    `r2` is the share of variance explained, below 0 where the plain training mean is better;
    `r` Pearson's, over all clips; `within_r` the same with each score segment's mean taken off,
    with the 95 % interval of a bootstrap of whole segments.
    """

    r2: float
    r: float
    within_r: float
    within_interval: Interval


def predict_held_out(
    groups: Sequence[str], scales: int, fit: Callable[[Indices, Indices], FloatArray]
) -> FloatArray:
    """Return predictions (clips, scales), each made without the clip's own group.

    `fit` takes the indices to learn from and those to predict. Raises ValueError with one group.
    """
    names = np.asarray(groups)
    if len(set(groups)) < 2:
        raise ValueError(f"expected two groups or more to hold one out, got {sorted(set(groups))}")
    predicted = np.full((len(names), scales), np.nan)
    for held_out in sorted(set(groups)):
        others, own = np.flatnonzero(names != held_out), np.flatnonzero(names == held_out)
        predicted[own] = fit(others, own)
    return predicted


def judge_held_out(
    true: FloatArray, predicted: FloatArray, segments: Sequence[str], rng: np.random.Generator
) -> HeldOut:
    """Return the figures of predictions; both arrays are (clips, scales)."""
    missed = ((true - predicted) ** 2).sum(axis=0)
    spread = ((true - true.mean(axis=0)) ** 2).sum(axis=0)
    return HeldOut(
        r2=float(np.mean(1 - missed / spread)),
        r=float(mean_r(_sums(true, predicted, ["all"] * len(true)))[0]),
        within_r=float(mean_r(_within(true, predicted, segments).sum(axis=0, keepdims=True))[0]),
        within_interval=_interval(mean_r(_redrawn(_within(true, predicted, segments), rng))),
    )


def gain_within(
    true: FloatArray,
    predicted: FloatArray,
    other: FloatArray,
    segments: Sequence[str],
    rng: np.random.Generator,
) -> tuple[float, Interval]:
    """Return by how much `predicted` is above `other` in `within_r`, and its 95 % interval.

    Both are judged on the same redrawn segments.
    """
    sums = [_within(true, one, segments) for one in (predicted, other)]
    times_drawn = _draws(len(sums[0]), rng)
    here, there = (mean_r(one.sum(axis=0, keepdims=True))[0] for one in sums)
    redrawn = [mean_r(np.tensordot(times_drawn, one, axes=1)) for one in sums]
    return float(here - there), _interval(redrawn[0] - redrawn[1])


def _within(true: FloatArray, predicted: FloatArray, segments: Sequence[str]) -> FloatArray:
    return _sums(centre(true, segments), centre(predicted, segments), segments)


def _sums(x: FloatArray, y: FloatArray, clusters: Sequence[str]) -> FloatArray:
    """Return (clusters, 6, scales) sums: n, x, y, xx, yy, xy."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    terms = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1)
    names, of = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.zeros((len(names), *terms.shape[1:]))
    np.add.at(sums, of, terms)
    return sums


def mean_r(sums: FloatArray) -> FloatArray:
    """Return Pearson's r as the mean over scales, (draws,), from sums (draws, 6, scales)."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, 1, 0)
    spread_x, spread_y = np.maximum(xx - x * x / n, 0), np.maximum(yy - y * y / n, 0)
    # A constant prediction says nothing: r 0.
    flat = (spread_x < 1e-12) | (spread_y < 1e-12)
    r = np.where(flat, 0.0, (xy - x * y / n) / np.sqrt(np.where(flat, 1.0, spread_x * spread_y)))
    found: FloatArray = r.mean(axis=1)
    return found


def _draws(clusters: int, rng: np.random.Generator) -> FloatArray:
    drawn = rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=RESAMPLES)
    return drawn.astype(np.float64)


def _redrawn(sums: FloatArray, rng: np.random.Generator) -> FloatArray:
    return np.tensordot(_draws(len(sums), rng), sums, axes=1)


def _interval(figures: FloatArray) -> Interval:
    low, high = np.quantile(figures, INTERVAL)
    return Interval(float(low), float(high))
