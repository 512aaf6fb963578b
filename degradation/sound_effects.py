"""Operations on the recording: filters, level and noise. Rooms are in `room`."""

import functools
from typing import Annotated, Literal, Self, get_args

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import Field, model_validator

from degradation.operation import Hertz, Parameters, SoundOperation
from degradation.waveform import Waveform, power

GainDb = Annotated[float, Field(ge=-60, le=60)]
SnrDb = Annotated[float, Field(ge=-20, le=120)]
BandGain = Annotated[float, Field(ge=-24, le=24)]
Quality = Annotated[float, Field(ge=0.001, le=10)]
Colour = Literal["white", "pink", "brown"]
COLOURS: tuple[Colour, ...] = get_args(Colour)

FALL: dict[Colour, float] = {"white": 0.0, "pink": 1.0, "brown": 2.0}
"""Power is 1 / frequency to this exponent: it falls by 0, 3 and 6 dB an octave."""

LOWEST_HZ = 20.0
"""Below it the spectrum is flat: brown noise would be one slow, inaudible wave."""


class Bandpass(SoundOperation):
    """A Butterworth bandpass, run forwards and backwards so that no onset moves.

    Both passes together have −6 dB at the corners; `order` is that of one pass.
    (torch-audiomentations once doubled the bandwidth, PR #119: corners are tested.)
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
        """Width of the passband."""
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
        return waveform.with_samples(scipy.signal.sosfiltfilt(sections, waveform.samples))


class EqualiserBand(Parameters):
    """One filter: a shelf below or above `frequency_hz`, or a peak around it.

    `q` is the quality of the filter: 0.707 is the steepest shelf without overshoot.
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
            # A high shelf is a low one with the frequency axis reversed.
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


class Equaliser(SoundOperation):
    """Filters one after the other, run forwards only, as in a real device."""

    operation: Literal["equaliser"] = "equaliser"
    bands: tuple[EqualiserBand, ...] = Field(min_length=1)

    @property
    def strength(self) -> tuple[float, str]:
        """The largest boost or cut."""
        return max((band.gain_db for band in self.bands), key=abs), "dB"

    def transform(self, waveform: Waveform, rng: np.random.Generator) -> Waveform:
        """Return the filtered sound; nothing here is random."""
        sections = np.stack([band.section(waveform.sample_rate_hz) for band in self.bands])
        return waveform.with_samples(scipy.signal.sosfilt(sections, waveform.samples))


class Gain(SoundOperation):
    """The sound is amplified by `gain_db`."""

    STRENGTH = ("gain_db", 1, "dB")
    operation: Literal["gain"] = "gain"
    gain_db: GainDb

    def transform(self, waveform: Waveform, rng: np.random.Generator) -> Waveform:
        """Return the sound at its new level; nothing here is random."""
        return waveform.with_samples(waveform.samples * np.float32(10 ** (self.gain_db / 20)))


class Noise(SoundOperation):
    """White Gaussian noise, `snr_db` below the sound: 10·log10(P_sound / P_noise), both measured.

    Silence stays silent: a ratio to it is undefined.
    """

    STRENGTH = ("snr_db", 1, "dB SNR")
    operation: Literal["noise"] = "noise"
    snr_db: SnrDb

    def transform(self, waveform: Waveform, rng: np.random.Generator) -> Waveform:
        """Return the sound with noise whose measured power meets `snr_db` exactly."""
        noise = rng.standard_normal(len(waveform.samples), dtype=np.float32)
        signal_power = power(waveform.samples)
        if signal_power == 0:
            return waveform
        factor = np.float32(np.sqrt(signal_power / power(noise) * 10 ** (-self.snr_db / 10)))
        return waveform.with_samples(waveform.samples + factor * noise)


class ColouredNoise(SoundOperation):
    """White, pink or brown noise, `snr_db` below the sound as in `Noise`."""

    STRENGTH = ("snr_db", 1, "dB SNR")
    operation: Literal["coloured_noise"] = "coloured_noise"
    colour: Colour
    snr_db: SnrDb

    def transform(self, waveform: Waveform, rng: np.random.Generator) -> Waveform:
        """Return the sound with noise whose measured power meets `snr_db` exactly."""
        signal_power = power(waveform.samples)
        if signal_power == 0:
            return waveform
        noise = coloured_noise(self.colour, len(waveform.samples), waveform.sample_rate_hz, rng)
        factor = np.sqrt(signal_power / power(noise) * 10 ** (-self.snr_db / 10))
        return waveform.with_samples(waveform.samples + (factor * noise).astype(np.float32))


def coloured_noise(
    colour: Colour, n_samples: int, sample_rate_hz: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return noise of a colour, float64 of shape (n_samples,), of unspecified level."""
    spectrum = scipy.fft.rfft(rng.standard_normal(n_samples))
    spectrum *= _spectral_shape(colour, n_samples, sample_rate_hz)
    noise: NDArray[np.float64] = scipy.fft.irfft(spectrum, n_samples)
    return noise


@functools.lru_cache(maxsize=8)
def _spectral_shape(colour: Colour, n_samples: int, sample_rate_hz: int) -> NDArray[np.float64]:
    frequency_hz = scipy.fft.rfftfreq(n_samples, 1 / sample_rate_hz)
    shape: NDArray[np.float64] = np.maximum(frequency_hz, LOWEST_HZ) ** (-FALL[colour] / 2)
    return shape
