"""What a poor recording chain lets through."""

from typing import Literal, Self

import numpy as np
import scipy
from pydantic import Field, model_validator

from degradation.operation import Parameters
from degradation.spans import Hertz
from degradation.waveform import Waveform


class Bandpass(Parameters):
    """A Butterworth bandpass, run forwards and backwards so that no onset moves.

    The corners are where the response of the two passes together is −6 dB; `order` is that of
    one pass. (torch-audiomentations once doubled the bandwidth, PR #119: corners are tested.)
    """

    operation: Literal["bandpass"] = "bandpass"
    low_hz: Hertz
    high_hz: Hertz
    order: int = Field(ge=1, le=8)

    @model_validator(mode="after")
    def _corners_are_ordered(self) -> Self:
        if self.low_hz >= self.high_hz:
            raise ValueError(
                f"low_hz should lie below high_hz, got {self.low_hz:g} and {self.high_hz:g}"
            )
        return self

    @property
    def strength(self) -> tuple[float, str]:
        """Width of the band that passes."""
        return self.high_hz - self.low_hz, "Hz wide"

    def transform(self, waveform: Waveform, rng: np.random.Generator) -> Waveform:
        """Return the filtered sound. Raises ValueError when `high_hz` is above half the rate."""
        sections = scipy.signal.butter(
            self.order,
            (self.low_hz, self.high_hz),
            btype="bandpass",
            output="sos",
            fs=waveform.sample_rate_hz,
        )
        filtered = scipy.signal.sosfiltfilt(sections, waveform.samples)
        return Waveform(samples=filtered.astype(np.float32), sample_rate_hz=waveform.sample_rate_hz)
