"""Mono sound with its sample rate, and its levels in decibels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degradation.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Waveform:
    """Mono sound: `samples` is float32 of shape (n,), read-only; full scale is ±1."""

    samples: NDArray[np.float32]
    sample_rate_hz: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 1 or self.samples.dtype != np.float32:
            raise ValueError(
                "samples must be float32 of shape (n,), "
                f"got {self.samples.dtype} of shape {self.samples.shape}"
            )
        if not np.isfinite(self.samples).all():
            bad = int((~np.isfinite(self.samples)).sum())
            raise UserError(
                f"the audio holds {bad} samples that are NaN or infinite; expected finite numbers: "
                "decode or record it again"
            )
        self.samples.setflags(write=False)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate_hz

    def with_samples(self, samples: NDArray[np.floating]) -> "Waveform":
        """Return other samples, cast to float32, at this sample rate."""
        cast = samples.astype(np.float32, copy=False)
        return Waveform(samples=cast, sample_rate_hz=self.sample_rate_hz)


def power(samples: NDArray[np.floating]) -> float:
    """Return the mean square of a signal, full scale squared, summed in double precision."""
    return float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0


def level_dbfs(samples: NDArray[np.floating]) -> float:
    """Return the RMS level in dB relative to ±1 (a full-scale square wave is 0 dBFS)."""
    mean_square = power(samples)
    return 10 * float(np.log10(mean_square)) if mean_square > 0 else -np.inf


def snr_db(signal: NDArray[np.floating], noisy: NDArray[np.floating]) -> float:
    """Return the power of `signal` over that of what was added to it, in dB; inf if nothing was."""
    added = power(np.subtract(noisy, signal, dtype=np.float64))
    return 10 * float(np.log10(power(signal) / added)) if added > 0 else np.inf


def power_frames(waveform: Waveform, window: int, hop: int) -> NDArray[np.float32]:
    """Return the power spectrogram, of shape (window / 2 + 1, frames).

    Frame k is centred on sample k * hop, and weighted by a periodic Hann window. Not librosa's:
    it needs numba, and processes that import that side by side after installation may share a
    broken cache and crash (numba's issue 10128).
    """
    hann = 0.5 + 0.5 * np.cos(np.linspace(-np.pi, np.pi, window + 1))[:-1]
    padded = np.pad(waveform.samples, window // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    spectrum = np.fft.rfft(hann * frames).astype(np.complex64)
    return (spectrum.real**2 + spectrum.imag**2).T
