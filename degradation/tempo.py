"""A tempo that wanders."""

from typing import Literal

import numpy as np
from pydantic import Field

from degradation.edits import Edits
from degradation.notes import Performance
from degradation.operation import NoteParameters
from degradation.warp import FloatArray, TimeMap, bend, stretched


def wander(rng: np.random.Generator, duration_s: float, shortest_s: float) -> TimeMap:
    """Return a slow random course of unit standard deviation over the window, without a mean.

    Cosines that fit the window a whole number of half times, with periods down to `shortest_s`
    and random size and sign; like human timing, the slower the wave the larger (1/f: Gilden,
    Thornton & Mallon 1995).
    """
    waves = np.arange(1, 1 + max(int(2 * duration_s / shortest_s), 1))
    height = rng.normal(size=len(waves)) / np.sqrt(waves)
    height /= np.sqrt(np.sum(height**2) / 2)
    phase = np.pi * waves / duration_s

    def course(time_s: FloatArray) -> FloatArray:
        return np.asarray(np.cos(np.multiply.outer(time_s, phase)) @ height)

    return course


class TempoDrift(NoteParameters):
    """The tempo wanders by a standard deviation of `share`, in waves of `timescale_s` or longer.

    Note lengths and the pedal go along; the window keeps its length, and so its mean tempo.
    One JND is a share of 0.03: listeners notice a tempo that is 3 % off over six intervals
    (Drake & Botte 1993), in even sequences; in rubato they will notice less (Repp 1998).
    """

    operation: Literal["tempo_drift"] = "tempo_drift"
    share: float = Field(ge=0, le=0.3)
    timescale_s: float = Field(ge=1, le=60)

    @property
    def strength(self) -> tuple[float, str]:
        """Standard deviation of the tempo, as a share of it (of its natural logarithm)."""
        return self.share * 100, "%"

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a shift for every note, and the pedal moved with them."""
        course = wander(rng, performance.duration_s, self.timescale_s)
        slower = stretched(lambda time_s: self.share * course(time_s), performance.duration_s)
        return bend(performance, slower)
