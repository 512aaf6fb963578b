"""Flattened dynamics."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from degradation.edits import Edits, alter
from degradation.notes import Performance
from degradation.operation import NoteParameters


def compress(velocity: NDArray[np.number], share: float) -> NDArray[np.float64]:
    """Return velocities drawn towards their mean: their spread becomes 1 − `share` of itself."""
    exact = velocity.astype(np.float64)
    mean = exact.mean() if len(exact) else 0.0
    return mean + (1 - share) * (exact - mean)


class DynamicsCompression(NoteParameters):
    """Every velocity moves towards the window's mean velocity by `share` of its distance."""

    operation: Literal["dynamics_compression"] = "dynamics_compression"
    share: float = Field(ge=0, le=1)

    @property
    def strength(self) -> tuple[float, str]:
        """Share of the spread that is taken away."""
        return self.share * 100, "%"

    def can_strike(self, performance: Performance) -> bool:
        """Return whether there is any range to take away that whole velocities can show.

        In a window whose velocities are all but alike, rounding takes the change back.
        """
        return bool(self._shift(performance.notes["velocity"]).any())

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a velocity change for every note off the mean; nothing here is random."""
        notes = performance.notes
        shift = self._shift(notes["velocity"])
        return Edits(notes=alter(notes["note_id"], velocity_shift=shift))

    def _shift(self, velocity: NDArray[np.number]) -> NDArray[np.float64]:
        shift: NDArray[np.float64] = np.rint(compress(velocity, self.share)) - velocity
        return shift
