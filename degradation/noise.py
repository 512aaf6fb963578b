"""Noise on the recording."""

from typing import Literal

import numpy as np
from pydantic import Field

from degradation.operation import Parameters
from degradation.waveform import Waveform, power


class Noise(Parameters):
    """White Gaussian noise, `snr_db` below the sound: 10·log10(P_sound / P_noise), both measured.

    The larger `snr_db`, the fainter the noise.
    """

    operation: Literal["noise"] = "noise"
    snr_db: float = Field(ge=-20, le=120)

    @property
    def strength(self) -> tuple[float, str]:
        """Signal-to-noise ratio."""
        return self.snr_db, "dB SNR"

    def transform(self, waveform: Waveform, rng: np.random.Generator) -> Waveform:
        """Return the sound with noise whose own measured power meets `snr_db` exactly.

        Silence stays silent: a ratio to nothing cannot be met.
        """
        noise = rng.standard_normal(len(waveform.samples), dtype=np.float32)
        signal_power = power(waveform.samples)
        if signal_power == 0:
            return waveform
        factor = np.float32(np.sqrt(signal_power / power(noise) * 10 ** (-self.snr_db / 10)))
        return Waveform(
            samples=waveform.samples + factor * noise, sample_rate_hz=waveform.sample_rate_hz
        )
