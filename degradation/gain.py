"""How loud a recording is."""

from typing import Literal

import numpy as np
from pydantic import Field

from degradation.operation import Parameters
from degradation.waveform import Waveform


class Gain(Parameters):
    """The whole sound is made louder or fainter by `gain_db`."""

    operation: Literal["gain"] = "gain"
    gain_db: float = Field(ge=-60, le=60)

    @property
    def strength(self) -> tuple[float, str]:
        """Gain."""
        return self.gain_db, "dB"

    def transform(self, waveform: Waveform, rng: np.random.Generator) -> Waveform:
        """Return the sound at its new level; nothing here is random."""
        factor = np.float32(10 ** (self.gain_db / 20))
        return Waveform(samples=waveform.samples * factor, sample_rate_hz=waveform.sample_rate_hz)
