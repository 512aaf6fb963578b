"""Random draws of an exact size or number, whatever the window holds.

Labels follow from severity alone, but independent draws would damage a window of few notes too much
or not at all. Here only which notes change, and in which direction, is random.
"""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def unit_noise(rng: np.random.Generator, count: int) -> FloatArray:
    """Return Gaussian noise of shape (count,), scaled to a root mean square of exactly 1."""
    drawn = rng.normal(size=count)
    return np.asarray(drawn / np.sqrt(np.mean(drawn**2))) if count else drawn


def mirror_between(
    value: FloatArray,
    change: FloatArray,
    lowest: float | FloatArray,
    highest: float | FloatArray,
) -> FloatArray:
    """Return changes, with the sign flipped where they would leave [lowest, highest].

    Flipping keeps the size of each change, and so their spread; clipping would shrink it. A
    change that is too large both ways is clipped.
    """
    outside = (value + change < lowest) | (value + change > highest)
    mirrored = np.where(outside, -change, change)
    kept: FloatArray = np.clip(value + mirrored, lowest, highest) - value
    return kept


def choose_share(rng: np.random.Generator, weight: FloatArray, share: float) -> NDArray[np.intp]:
    """Return the indices of a `share` of the items, drawn with probability by weight.

    The number is exact; a fraction of one item is drawn with its probability. With the same
    stream a larger share contains the smaller one, so severities compare. Each item draws an
    exponential waiting time (Efraimidis & Spirakis 2006), and the first ones are chosen.
    """
    waiting = rng.exponential(size=len(weight)) / weight
    count = int(share * len(weight) + rng.random())
    return np.argsort(waiting, kind="stable")[:count]


def round_at_random(rng: np.random.Generator, value: FloatArray) -> FloatArray:
    """Return values rounded up or down at random, without bias: 0.3 gives 1 in 30 % of cases.

    With the same stream, a larger value never gives a smaller whole number.
    """
    return np.asarray(np.floor(value + rng.random(len(value))))
