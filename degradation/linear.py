"""Filters as products of spectra: every linear operation on a sound in one pass."""

import functools
import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from degradation.operation import SoundOperation
from degradation.waveform import Waveform

Response = NDArray[np.floating] | NDArray[np.complexfloating] | np.float32
"""What a filter multiplies each frequency by: float32 or complex64, of shape (bins,) or one."""

DECAY = math.log(1e5)
"""A filter's tail is over when it has fallen by 100 dB, in nepers."""

TAIL_STEP_S = 0.25
"""Tails are rounded up to a multiple of this, so that few lengths of spectra are in use."""

LONGEST_TAIL_S = 10.0
"""What rings longer lies below 0.2 Hz, and may wrap round."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrequencyGrid:
    """The frequencies ω of a spectrum of `n_samples`, in radians a sample, as float32 (bins,).

    `sin_squared` and `cos_squared` are those of ω / 2, and `sin_cos` is their root product. The
    bilinear transform takes ω to the analogue frequency tan(ω / 2), and these stay finite.
    """

    n_samples: int
    sample_rate_hz: int
    sin_squared: NDArray[np.float32]
    cos_squared: NDArray[np.float32]
    sin_cos: NDArray[np.float32]


@functools.lru_cache(maxsize=8)
def frequency_grid(n_samples: int, sample_rate_hz: int) -> FrequencyGrid:
    """Return the grid of a real spectrum of `n_samples`."""
    half = np.linspace(0, np.pi / 2, n_samples // 2 + 1)
    sine, cosine = np.sin(half), np.cos(half)
    return FrequencyGrid(
        n_samples=n_samples,
        sample_rate_hz=sample_rate_hz,
        sin_squared=(sine**2).astype(np.float32),
        cos_squared=(cosine**2).astype(np.float32),
        sin_cos=(sine * cosine).astype(np.float32),
    )


class LinearOperation(SoundOperation):
    """An operation that multiplies the spectrum; before and after the sound is silence."""

    @abstractmethod
    def tail_s(self, sample_rate_hz: int) -> float:
        """Return for how long it rings: until then its response falls by 100 dB."""

    @abstractmethod
    def response(self, grid: FrequencyGrid) -> Response:
        """Return its frequency response."""

    def transform(self, waveform: Waveform, rng: np.random.Generator) -> Waveform:
        """Return the filtered sound; nothing here is random."""
        return filter_sound(waveform, [self])


def filter_sound(waveform: Waveform, operations: Sequence[LinearOperation]) -> Waveform:
    """Return the sound after linear operations, of the same length, computed in float32.

    It is padded with silence for as long as they ring, so that nothing wraps round.
    """
    if not operations:
        return waveform
    count, rate_hz = len(waveform.samples), waveform.sample_rate_hz
    tail_s = min(sum(operation.tail_s(rate_hz) for operation in operations), LONGEST_TAIL_S)
    tail = round(math.ceil(tail_s / TAIL_STEP_S) * TAIL_STEP_S * rate_hz)
    # The grid ends at half the sample rate, so the length is even.
    padded = 2 * scipy.fft.next_fast_len(-(-(count + tail) // 2), real=True)
    spectrum = scipy.fft.rfft(waveform.samples, padded)
    grid = frequency_grid(padded, rate_hz)
    for operation in operations:
        spectrum *= operation.response(grid)
    return waveform.with_samples(scipy.fft.irfft(spectrum, padded, overwrite_x=True)[:count])
