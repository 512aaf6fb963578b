"""A melody that drowns in its accompaniment."""

from typing import Literal

import numpy as np
from pydantic import Field

from degradation.chance import whole
from degradation.edits import Edits, alter
from degradation.melody_bass import BoolArray, find_bass, find_melody
from degradation.notes import NoteArray, Performance
from degradation.operation import NoteParameters
from degradation.roughness import LOUDEST, SOFTEST


def find_voices(notes: NoteArray) -> tuple[BoolArray, BoolArray]:
    """Return which notes are an accompanied melody, and which accompany one.

    A note that is alone is neither: there is nothing that it could stand out of.
    """
    on_top = find_melody(notes)
    return on_top & ~find_bass(notes), ~on_top


class VoicingLoss(NoteParameters):
    """The melody sinks against its accompaniment by `loss_velocity` MIDI units.

    Top notes are struck softer and all below them louder, so that the mean stays. Melodies stand
    out by some 10 units (the median of 40 MAESTRO windows; 6 to 16 in half of them): beyond, the
    accompaniment covers them. Fractions of a unit are made up by chance, note by note.

    One JND is 3.6: listeners notice 2.7-4.5 units (Slade et al. 2022), and this lies midway.
    """

    operation: Literal["voicing_loss"] = "voicing_loss"
    loss_velocity: float = Field(ge=0, le=40)

    @property
    def strength(self) -> tuple[float, str]:
        """How far the melody sinks against the notes below it."""
        return self.loss_velocity, "MIDI velocity"

    def can_strike(self, performance: Performance) -> bool:
        """Return whether there is a melody, and an accompaniment to drown in."""
        melody, accompaniment = find_voices(performance.notes)
        return bool(melody.any() and accompaniment.any())

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a velocity change for the notes of accompanied melodies and those below."""
        notes = performance.notes
        melody, accompaniment = find_voices(notes)
        if not (melody.any() and accompaniment.any()):
            return Edits()
        on_top = melody.sum() / (melody.sum() + accompaniment.sum())
        wanted = self.loss_velocity * (on_top * accompaniment - (1 - on_top) * melody)
        velocity = notes["velocity"].astype(np.float64)
        reached = np.clip(velocity + whole(rng, wanted), SOFTEST, LOUDEST)
        return Edits(notes=alter(notes["note_id"], velocity_shift=reached - velocity))
