"""Wrong notes."""

from typing import Literal

import numpy as np
from pydantic import Field

from degradation.edits import Edits, alter
from degradation.notes import PIANO_PITCHES, Performance
from degradation.operation import NoteParameters


class WrongNotes(NoteParameters):
    """Each note is, with probability `share`, struck up to `reach_semitones` beside its key.

    The distance is uniform over ±1 … ±reach; one that leaves the keyboard goes the other way.
    """

    operation: Literal["wrong_notes"] = "wrong_notes"
    share: float = Field(ge=0, le=1)
    reach_semitones: int = Field(ge=1, le=12)

    @property
    def strength(self) -> tuple[float, str]:
        """Expected share of wrong notes."""
        return self.share * 100, "%"

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a pitch change for each note that goes wrong."""
        notes = performance.notes
        wrong = rng.random(len(notes)) < self.share
        distance = rng.integers(1, self.reach_semitones + 1, size=len(notes))
        direction = rng.choice([-1, 1], size=len(notes))
        pitch = notes["pitch"].astype(np.int16)
        aimed = pitch + direction * distance
        on_keyboard = np.isin(aimed, PIANO_PITCHES)
        shift = np.where(on_keyboard, direction, -direction) * distance
        return Edits(notes=alter(notes["note_id"], pitch_shift=np.where(wrong, shift, 0)))
