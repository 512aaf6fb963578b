"""Rough touch: neighbouring notes struck unlike each other."""

from typing import Literal

import numpy as np
from pydantic import Field

from degradation.chance import keep_between, unit_noise
from degradation.edits import Edits, alter
from degradation.notes import Performance
from degradation.operation import NoteParameters

SOFTEST, LOUDEST = 1.0, 127.0
"""The velocities of a MIDI note that sounds."""


class VelocityRoughness(NoteParameters):
    """Each key velocity strays by `spread_velocity` MIDI units, root mean square, note by note.

    One JND is 3.6: listeners notice 2.7-4.5 units (Slade et al. 2022), and this lies midway.
    """

    operation: Literal["velocity_roughness"] = "velocity_roughness"
    spread_velocity: float = Field(ge=0, le=40)

    @property
    def strength(self) -> tuple[float, str]:
        """Root mean square of the changes of velocity."""
        return self.spread_velocity, "MIDI velocity"

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a velocity change for every note."""
        velocity = performance.notes["velocity"].astype(np.float64)
        stray = self.spread_velocity * unit_noise(rng, len(velocity))
        change = np.rint(keep_between(velocity, stray, SOFTEST, LOUDEST))
        return Edits(notes=alter(performance.notes["note_id"], velocity_shift=change))
