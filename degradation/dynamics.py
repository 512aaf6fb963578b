"""Flattened dynamics."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from degradation.edits import Edits, alter
from degradation.notes import Performance
from degradation.operation import Parameters


def compress(velocity: NDArray[np.number], share: float) -> NDArray[np.float64]:
    """Return velocities drawn towards their mean: their spread becomes 1 − `share` of itself."""
    velocity = np.asarray(velocity, dtype=np.float64)
    mean = velocity.mean() if len(velocity) else 0.0
    return mean + (1 - share) * (velocity - mean)


class DynamicsCompression(Parameters):
    """Every velocity moves towards the window's mean velocity by `share` of its distance."""

    operation: Literal["dynamics_compression"] = "dynamics_compression"
    share: float = Field(ge=0, le=1)

    @property
    def strength(self) -> tuple[float, str]:
        """Share of the spread that is taken away."""
        return self.share * 100, "%"

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a velocity change for every note off the mean; nothing here is random."""
        notes = performance.notes
        target = np.clip(np.rint(compress(notes["velocity"], self.share)), 1, 127)
        shift = target.astype(np.int16) - notes["velocity"].astype(np.int16)
        return Edits(notes=alter(notes["note_id"], velocity_shift=shift))
