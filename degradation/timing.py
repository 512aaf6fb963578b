"""Unsteady timing."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from degradation.edits import Edits, alter, carry_pedal
from degradation.notes import Performance, latest_onset
from degradation.operation import NoteParameters


def keep_inside(
    onset_s: NDArray[np.float64], shift_s: NDArray[np.float64], latest_s: float
) -> NDArray[np.float64]:
    """Return shifts, mirrored where they would carry an onset out of [0, latest_s].

    Mirroring keeps the size of every shift, so the spread asked for is the spread made;
    cutting at the edge would shrink it. A shift too large both ways is cut.
    """
    outside = (onset_s + shift_s < 0) | (onset_s + shift_s > latest_s)
    mirrored = np.where(outside, -shift_s, shift_s)
    return np.clip(onset_s + mirrored, 0.0, latest_s) - onset_s


class OnsetJitter(NoteParameters):
    """Each note strays by Gaussian noise of standard deviation `spread_s`, whole and alone.

    A note keeps its length, but for one that would outlast the window or its key's next strike.
    The pedal moves along with the notes around it.
    """

    operation: Literal["onset_jitter"] = "onset_jitter"
    spread_s: float = Field(ge=0, le=1)

    @property
    def strength(self) -> tuple[float, str]:
        """Standard deviation of the shifts."""
        return self.spread_s * 1000, "ms"

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a shift for every note, and the pedal moved with them."""
        notes = performance.notes
        wanted_s = rng.normal(0.0, self.spread_s, size=len(notes))
        shift_s = keep_inside(notes["onset_s"], wanted_s, latest_onset(performance.duration_s))
        return Edits(
            notes=alter(notes["note_id"], onset_shift_s=shift_s, offset_shift_s=shift_s),
            pedal=carry_pedal(performance, shift_s),
        )
