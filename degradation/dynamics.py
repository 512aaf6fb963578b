"""Damaged dynamics: a flat range, rough touch, and a melody that the accompaniment covers."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from degradation.edits import Edits, alter
from degradation.melody_bass import find_melody_and_accompaniment
from degradation.notes import LOUDEST, SOFTEST, Performance
from degradation.operation import NoteOperation
from degradation.sampling import FloatArray, mirror_between, round_at_random, unit_noise


def compress(velocity: NDArray[np.number], share: float) -> FloatArray:
    """Return velocities drawn towards their mean: their spread becomes 1 − `share` of itself."""
    exact = velocity.astype(np.float64)
    mean = exact.mean() if len(exact) else 0.0
    return mean + (1 - share) * (exact - mean)


class DynamicsCompression(NoteOperation):
    """Every velocity moves towards the window's mean velocity by `share` of its distance."""

    STRENGTH = ("share", 100, "%")
    operation: Literal["dynamics_compression"] = "dynamics_compression"
    share: float = Field(ge=0, le=1)

    def can_apply(self, performance: Performance) -> bool:
        """Return whether any velocity changes: in nearly equal ones, rounding undoes it all."""
        return bool(self._shift(performance.notes["velocity"]).any())

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a velocity change for every note off the mean; nothing here is random."""
        notes = performance.notes
        shift = self._shift(notes["velocity"])
        return Edits(notes=alter(notes["note_id"], velocity_shift=shift))

    def _shift(self, velocity: NDArray[np.number]) -> FloatArray:
        shift: FloatArray = np.rint(compress(velocity, self.share)) - velocity
        return shift


class VelocityRoughness(NoteOperation):
    """Each key velocity changes by `spread_velocity` MIDI units, root mean square, note by note.

    One JND is 3.6: listeners notice 2.7-4.5 units (Slade et al. 2022), and this lies midway.
    """

    STRENGTH = ("spread_velocity", 1, "MIDI velocity")
    operation: Literal["velocity_roughness"] = "velocity_roughness"
    spread_velocity: float = Field(ge=0, le=40)

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a velocity change for every note."""
        velocity = performance.notes["velocity"].astype(np.float64)
        stray = self.spread_velocity * unit_noise(rng, len(velocity))
        change = np.rint(mirror_between(velocity, stray, SOFTEST, LOUDEST))
        return Edits(notes=alter(performance.notes["note_id"], velocity_shift=change))


class VoicingLoss(NoteOperation):
    """The velocity difference between melody and accompaniment shrinks by `loss_velocity`.

    Top notes become softer and all notes below them louder; the mean stays. Melodies stand out by
    some 10 units (the median of 40 MAESTRO windows; 6 to 16 in half of them): beyond that, the
    accompaniment covers them. Fractions of a unit are rounded at random, note by note.

    One JND is 3.6: listeners notice 2.7-4.5 units (Slade et al. 2022), and this lies midway.
    """

    STRENGTH = ("loss_velocity", 1, "MIDI velocity")
    operation: Literal["voicing_loss"] = "voicing_loss"
    loss_velocity: float = Field(ge=0, le=40)

    def can_apply(self, performance: Performance) -> bool:
        """Return whether there are both a melody and an accompaniment."""
        return all(part.any() for part in find_melody_and_accompaniment(performance.notes))

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a velocity change for the notes of accompanied melodies and those below."""
        notes = performance.notes
        melody, accompaniment = find_melody_and_accompaniment(notes)
        if not (melody.any() and accompaniment.any()):
            return Edits()
        on_top = melody.sum() / (melody.sum() + accompaniment.sum())
        wanted = self.loss_velocity * (on_top * accompaniment - (1 - on_top) * melody)
        velocity = notes["velocity"].astype(np.float64)
        reached = np.clip(velocity + round_at_random(rng, wanted), SOFTEST, LOUDEST)
        return Edits(notes=alter(notes["note_id"], velocity_shift=reached - velocity))
