"""Operations on the recording: filters, level and noise. Rooms are in `room`."""

import functools
from typing import Annotated, Literal, Self, get_args

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import Field, model_validator

from degradation.linear import DECAY, FrequencyGrid, LinearOperation, Response
from degradation.operation import Hertz, Parameters, SoundOperation
from degradation.waveform import Waveform, power

GainDb = Annotated[float, Field(ge=-60, le=60)]
SnrDb = Annotated[float, Field(ge=-20, le=120)]
BandGain = Annotated[float, Field(ge=-24, le=24)]
Quality = Annotated[float, Field(ge=0.001, le=10)]
Colour = Literal["white", "pink", "brown"]
COLOURS: tuple[Colour, ...] = get_args(Colour)

Quadratic = tuple[float, ...]
"""Coefficients of s⁰, s¹ and s²."""

FALL: dict[Colour, float] = {"white": 0.0, "pink": 1.0, "brown": 2.0}
"""Power is 1 / frequency to this exponent: it falls by 0, 3 and 6 dB an octave."""

LOWEST_HZ = 20.0
"""Below it the spectrum is flat: brown noise would be one slow, inaudible wave."""


class Bandpass(LinearOperation):
    """A Butterworth bandpass, run forwards and backwards, so that no onset moves.

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

    def tail_s(self, sample_rate_hz: int) -> float:
        """Return the decay of its slowest pole."""
        slowest_hz = min(self.low_hz, (self.high_hz - self.low_hz) / 2)
        return float(DECAY / (2 * np.pi * slowest_hz * np.sin(np.pi / (2 * self.order))))

    def response(self, grid: FrequencyGrid) -> Response:
        """Return the squared magnitude of one pass.

        Raises ValueError when `high_hz` is not below half the sample rate.
        """
        if 2 * self.high_hz >= grid.sample_rate_hz:
            raise ValueError(
                f"high_hz should lie below half the sample rate, {grid.sample_rate_hz / 2:g}, "
                f"got {self.high_hz:g}"
            )
        low, high = np.tan(np.pi * np.array([self.low_hz, self.high_hz]) / grid.sample_rate_hz)
        # An analogue lowpass at f = (t² - low · high) / ((high - low) · t), where t = tan(ω / 2):
        # 1 / (1 + f^(2 · order)). `stopped` is f² / (1 + f²), from 0 to 1.
        above = np.square(grid.sin_squared - np.float32(low * high) * grid.cos_squared)
        below = np.square(np.float32(high - low) * grid.sin_cos)
        stopped = above / (above + below)
        passed = (1 - stopped) ** self.order
        gain: NDArray[np.float32] = passed / (passed + stopped**self.order)
        return gain


class EqualiserBand(Parameters):
    """One filter: a shelf below or above `frequency_hz`, or a peak around it.

    `q` is the quality of the filter: 0.707 is the steepest shelf without overshoot.
    """

    shape: Literal["low_shelf", "peak", "high_shelf"]
    frequency_hz: Hertz
    gain_db: BandGain
    q: Quality

    def prototype(self) -> tuple[Quadratic, Quadratic]:
        """Return the analogue filter of frequency 1: coefficients of s⁰, s¹ and s² above and below.

        Bristow-Johnson, Cookbook formulae for audio equalizer biquad filter coefficients.
        """
        root = 10 ** (self.gain_db / 40)
        if self.shape == "peak":
            return (1, root / self.q, 1), (1, 1 / (root * self.q), 1)
        slope = np.sqrt(root) / self.q
        falls, rises = (1.0, slope, root), (root, slope, 1.0)
        above, below = (rises, falls) if self.shape == "low_shelf" else (falls, rises)
        return tuple(root * each for each in above), below

    def decay_s(self) -> float:
        """Return for how long it rings."""
        slowest = np.roots(self.prototype()[1][::-1]).real.max()
        return float(DECAY / (-slowest * 2 * np.pi * self.frequency_hz))

    def response(self, grid: FrequencyGrid) -> NDArray[np.complex64]:
        """Return the digital filter's response, by the bilinear transform."""
        middle = np.pi * self.frequency_hz / grid.sample_rate_hz
        sine, cosine = np.sin(middle), np.cos(middle)
        # s = j · tan(ω / 2) / tan(middle); both quadratics times (cos(ω / 2) · sine)².
        (up, up_slope), (down, down_slope) = (
            (
                np.float32(constant * sine**2) * grid.cos_squared
                - np.float32(square * cosine**2) * grid.sin_squared,
                np.float32(slope * sine * cosine),
            )
            for constant, slope, square in self.prototype()
        )
        size = np.square(down) + np.square(down_slope * grid.sin_cos)
        found = np.empty(len(size), dtype=np.complex64)
        slopes = up_slope * down_slope
        found.real = (up * down + slopes * np.square(grid.sin_cos)) / size
        found.imag = grid.sin_cos * (up_slope * down - down_slope * up) / size
        return found


class Equaliser(LinearOperation):
    """Filters one after the other, run forwards only, as in a real device."""

    operation: Literal["equaliser"] = "equaliser"
    bands: tuple[EqualiserBand, ...] = Field(min_length=1)

    @property
    def strength(self) -> tuple[float, str]:
        """The largest boost or cut."""
        return max((band.gain_db for band in self.bands), key=abs), "dB"

    def tail_s(self, sample_rate_hz: int) -> float:
        """Return for how long all bands ring."""
        return sum(band.decay_s() for band in self.bands)

    def response(self, grid: FrequencyGrid) -> Response:
        """Return the product of the bands' responses."""
        return functools.reduce(np.multiply, (band.response(grid) for band in self.bands))


class Gain(LinearOperation):
    """The sound is amplified by `gain_db`."""

    STRENGTH = ("gain_db", 1, "dB")
    operation: Literal["gain"] = "gain"
    gain_db: GainDb

    def tail_s(self, sample_rate_hz: int) -> float:
        """Return 0: nothing rings."""
        return 0.0

    def response(self, grid: FrequencyGrid) -> Response:
        """Return the factor."""
        return np.float32(10 ** (self.gain_db / 20))


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
        factor = np.float32(np.sqrt(signal_power / power(noise) * 10 ** (-self.snr_db / 10)))
        return waveform.with_samples(waveform.samples + factor * noise)


def coloured_noise(
    colour: Colour, n_samples: int, sample_rate_hz: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return noise of a colour, float32 of shape (n_samples,), of unspecified level."""
    if colour == "white":
        return rng.standard_normal(n_samples, dtype=np.float32)
    # The spectrum of white noise is itself complex Gaussian noise.
    shape = _spectral_shape(colour, n_samples, sample_rate_hz)
    spectrum = rng.standard_normal(2 * len(shape), dtype=np.float32).view(np.complex64) * shape
    noise: NDArray[np.float32] = scipy.fft.irfft(spectrum, n_samples, overwrite_x=True)
    return noise


@functools.lru_cache(maxsize=8)
def _spectral_shape(colour: Colour, n_samples: int, sample_rate_hz: int) -> NDArray[np.float32]:
    frequency_hz = scipy.fft.rfftfreq(n_samples, 1 / sample_rate_hz)
    shape: NDArray[np.float64] = np.maximum(frequency_hz, LOWEST_HZ) ** (-FALL[colour] / 2)
    return shape.astype(np.float32)
