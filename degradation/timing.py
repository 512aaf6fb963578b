"""Unsteady timing."""

from typing import Literal

import numpy as np
from pydantic import Field

from degradation.chance import keep_between, unit_noise
from degradation.edits import Edits, alter, carry_pedal
from degradation.melody_bass import chord_of, chord_onsets
from degradation.notes import Performance, latest_onset
from degradation.operation import NoteParameters


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
        shift_s = keep_between(
            notes["onset_s"], wanted_s, 0.0, latest_onset(performance.duration_s)
        )
        return Edits(
            notes=alter(notes["note_id"], onset_shift_s=shift_s, offset_shift_s=shift_s),
            pedal=carry_pedal(performance, shift_s),
        )


class ChordJitter(NoteParameters):
    """Each note strays by `spread_s`, root mean square; the notes of a chord mostly together.

    A chord strays as one, and its notes about it by `apart_share` of `spread_s` (0: as one, 1:
    each alone); a note that stands alone strays by `spread_s` too. Note lengths and the pedal
    as in `OnsetJitter`. One JND is 6 ms: the displacement of one onset that is noticed where
    intervals are shorter than 240 ms, as most are in these windows; above, 2.5 % of the interval
    (Friberg & Sundberg 1995). Asynchrony within a chord is harder to hear: Goebl & Parncutt 2002
    tested up to 54 ms.
    """

    operation: Literal["chord_jitter"] = "chord_jitter"
    spread_s: float = Field(ge=0, le=0.2)
    apart_share: float = Field(ge=0, le=1)

    @property
    def strength(self) -> tuple[float, str]:
        """Root mean square of the shifts."""
        return self.spread_s * 1000, "ms"

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a shift for every note, and the pedal moved with them."""
        notes, latest_s = performance.notes, latest_onset(performance.duration_s)
        onset_s, chord = notes["onset_s"], chord_of(notes["onset_s"])
        if not len(notes):
            return Edits()
        in_company = np.bincount(chord)[chord] > 1
        apart = np.where(in_company, self.apart_share, 0.0)
        together = np.sqrt(1 - apart**2) * unit_noise(rng, chord[-1] + 1)[chord]
        apart *= unit_noise(rng, len(notes))
        size_s = self.spread_s / np.sqrt(np.mean((together + apart) ** 2))
        # As one, a chord is mirrored at the window's edge as one.
        chord_s = chord_onsets(onset_s)[chord]
        chord_shift_s = keep_between(chord_s, size_s * together, 0.0, latest_s)
        own_shift_s = keep_between(onset_s + chord_shift_s, size_s * apart, 0.0, latest_s)
        shift_s = chord_shift_s + own_shift_s
        return Edits(
            notes=alter(notes["note_id"], onset_shift_s=shift_s, offset_shift_s=shift_s),
            pedal=carry_pedal(performance, shift_s),
        )
