"""What a microphone, a preamplifier or a player does to the balance of low and high."""

from typing import Annotated, Literal

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import Field

from degradation.operation import Parameters
from degradation.spans import Hertz
from degradation.waveform import Waveform

BandGain = Annotated[float, Field(ge=-24, le=24)]
Quality = Annotated[float, Field(ge=0.001, le=10)]


class EqualiserBand(Parameters):
    """One filter: a shelf below or above `frequency_hz`, or a peak around it.

    `q` is the quality of the filter: 0.707 is the steepest shelf that does not ring.
    """

    shape: Literal["low_shelf", "peak", "high_shelf"]
    frequency_hz: Hertz
    gain_db: BandGain
    q: Quality

    def section(self, sample_rate_hz: int) -> NDArray[np.float64]:
        """Return the second-order section [b0 b1 b2 a0 a1 a2], a0 = 1.

        Bristow-Johnson, Cookbook formulae for audio equalizer biquad filter coefficients.
        """
        root = 10 ** (self.gain_db / 40)
        omega = 2 * np.pi * self.frequency_hz / sample_rate_hz
        cos, alpha = np.cos(omega), np.sin(omega) / (2 * self.q)
        if self.shape == "peak":
            b = [1 + alpha * root, -2 * cos, 1 - alpha * root]
            a = [1 + alpha / root, -2 * cos, 1 - alpha / root]
        else:
            # A high shelf is a low one with the frequency axis turned round.
            turn = 1 if self.shape == "low_shelf" else -1
            above, below, slope = root + 1, turn * (root - 1), 2 * np.sqrt(root) * alpha
            b = [
                root * (above - below * cos + slope),
                2 * root * (below - above * cos),
                root * (above - below * cos - slope),
            ]
            a = [
                above + below * cos + slope,
                -2 * (below + above * cos),
                above + below * cos - slope,
            ]
        section: NDArray[np.float64] = np.array([*b, *a], dtype=np.float64) / a[0]
        return section


class Equaliser(Parameters):
    """Filters one after the other, run forwards only: a real device delays, too."""

    operation: Literal["equaliser"] = "equaliser"
    bands: tuple[EqualiserBand, ...] = Field(min_length=1)

    @property
    def strength(self) -> tuple[float, str]:
        """The largest boost or cut."""
        return max((band.gain_db for band in self.bands), key=abs), "dB"

    def transform(self, waveform: Waveform, rng: np.random.Generator) -> Waveform:
        """Return the filtered sound; nothing here is random."""
        sections = np.stack([band.section(waveform.sample_rate_hz) for band in self.bands])
        filtered = scipy.signal.sosfilt(sections, waveform.samples)
        return Waveform(samples=filtered.astype(np.float32), sample_rate_hz=waveform.sample_rate_hz)
