"""Noise of several colours on the recording."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from degradation.operation import Parameters
from degradation.waveform import Waveform, power

Colour = Literal["white", "pink", "brown"]
COLOURS: tuple[Colour, ...] = get_args(Colour)

FALL: dict[Colour, float] = {"white": 0.0, "pink": 1.0, "brown": 2.0}
"""Power goes with 1 / frequency to this exponent: 0, 3 and 6 dB an octave."""

LOWEST_HZ = 20.0
"""Below it the spectrum is flat: brown noise would be one slow wave, and no one hears it."""


def coloured_noise(
    colour: Colour, n_samples: int, sample_rate_hz: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return noise of a colour, float64 of shape (n_samples,), of no particular level."""
    white = np.fft.rfft(rng.standard_normal(n_samples))
    frequency_hz = np.fft.rfftfreq(n_samples, 1 / sample_rate_hz)
    shape = np.maximum(frequency_hz, LOWEST_HZ) ** (-FALL[colour] / 2)
    return np.fft.irfft(white * shape, n_samples)


class ColouredNoise(Parameters):
    """White, pink or brown noise, `snr_db` below the sound: 10·log10(P_sound / P_noise)."""

    operation: Literal["coloured_noise"] = "coloured_noise"
    colour: Colour
    snr_db: float = Field(ge=-20, le=120)

    @property
    def strength(self) -> tuple[float, str]:
        """Signal-to-noise ratio."""
        return self.snr_db, "dB SNR"

    def transform(self, waveform: Waveform, rng: np.random.Generator) -> Waveform:
        """Return the sound with noise whose own measured power meets `snr_db` exactly.

        Silence stays silent: a ratio to nothing cannot be met.
        """
        signal_power = power(waveform.samples)
        if signal_power == 0:
            return waveform
        noise = coloured_noise(self.colour, len(waveform.samples), waveform.sample_rate_hz, rng)
        factor = np.sqrt(signal_power / power(noise) * 10 ** (-self.snr_db / 10))
        return Waveform(
            samples=waveform.samples + (factor * noise).astype(np.float32),
            sample_rate_hz=waveform.sample_rate_hz,
        )
