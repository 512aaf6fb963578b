"""Draws that come out as large, or as many, as was asked for, whatever the window holds.

A label follows from severity alone. Plain noise or coin flips would strike a window of few notes
far harder, or not at all; these keep the chance in *which* notes stray and *which way*.
"""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def unit_noise(rng: np.random.Generator, count: int) -> FloatArray:
    """Return Gaussian noise of shape (count,), scaled to a root mean square of exactly 1."""
    drawn = rng.normal(size=count)
    return np.asarray(drawn / np.sqrt(np.mean(drawn**2))) if count else drawn


def keep_between(
    value: FloatArray,
    change: FloatArray,
    lowest: float | FloatArray,
    highest: float | FloatArray,
) -> FloatArray:
    """Return changes, mirrored where they would carry a value out of [lowest, highest].

    Mirroring keeps the size of every change, so the spread asked for is the spread made;
    cutting at the edge would shrink it. A change too large both ways is cut.
    """
    outside = (value + change < lowest) | (value + change > highest)
    mirrored = np.where(outside, -change, change)
    kept: FloatArray = np.clip(value + mirrored, lowest, highest) - value
    return kept


def choose(rng: np.random.Generator, weight: FloatArray, share: float) -> NDArray[np.intp]:
    """Return the places of a `share` of the items, the likelier the greater their weight.

    Exactly as many as the share says; a fraction of one is drawn with its probability. With one
    stream, a larger share adds to the same choice: severities compare. Each item draws an
    exponential waiting time of its own (Efraimidis & Spirakis 2006), and the first ones are it.
    """
    waiting = rng.exponential(size=len(weight)) / weight
    count = int(share * len(weight) + rng.random())
    return np.argsort(waiting, kind="stable")[:count]


def whole(rng: np.random.Generator, value: FloatArray) -> FloatArray:
    """Return values rounded up or down at random, so that small ones are not lost on average.

    With one stream, a larger value is never rounded to a smaller whole number.
    """
    return np.asarray(np.floor(value + rng.random(len(value))))
