"""The spectrum that the note detector reads: bands that tell semitones, 50 times a second."""

import functools
import math

import torch
from torch import Tensor

from degradation.errors import UserError
from degradation.waveform import Waveform

RATE_HZ = 16_000
FRAME_RATE_HZ = 50
HOP_SAMPLES = RATE_HZ // FRAME_RATE_HZ

LOWEST_HZ = 27.5
"""A0, the lowest of the 88 keys."""

LONG_WINDOW, SHORT_WINDOW = 4096, 1024
"""Samples: 256 ms tell neighbouring keys apart from the middle of the piano up, 64 ms tell when."""

FINE_PER_SEMITONE, FINE_BANDS = 2, 196
QUICK_BANDS = 98
"""Half semitones of the long window and semitones of the short one, both up to 7.7 kHz."""

BANDS = FINE_BANDS + QUICK_BANDS

FLOOR_POWER = 1e-10
"""-100 dB."""


def _filters(window: int, per_semitone: int, bands: int) -> Tensor:
    """Return triangular filters (bins, bands) on a logarithmic axis, at least a bin wide."""
    steps = torch.arange(-1, bands + 1, dtype=torch.float64)
    centre_hz = LOWEST_HZ * 2 ** (steps / (12 * per_semitone))
    bin_hz = RATE_HZ / window
    centre = centre_hz[1:-1]
    below = torch.minimum(centre_hz[:-2], centre - bin_hz)
    above = torch.maximum(centre_hz[2:], centre + bin_hz)
    at_hz = (torch.arange(window // 2 + 1, dtype=torch.float64) * bin_hz)[:, None]
    rising, falling = (at_hz - below) / (centre - below), (above - at_hz) / (above - centre)
    return torch.minimum(rising, falling).clamp_min(0).float()


@functools.cache
def _transforms(device: torch.device) -> tuple[tuple[Tensor, Tensor], ...]:
    """Return window and filters of the two resolutions."""
    fine = _filters(LONG_WINDOW, FINE_PER_SEMITONE, FINE_BANDS)
    quick = _filters(SHORT_WINDOW, 1, QUICK_BANDS)
    return tuple(
        (torch.hann_window(window).to(device), filters.to(device))
        for window, filters in ((LONG_WINDOW, fine), (SHORT_WINDOW, quick))
    )


def frame_count(duration_s: float) -> int:
    """Return the frames that a duration begins."""
    return max(1, math.ceil(duration_s * FRAME_RATE_HZ - 1e-6))


def pitch_spectrum(samples: Tensor) -> Tensor:
    """Return the levels in dB (B, frames, `BANDS`) of sound (B, samples) at `RATE_HZ`.

    Frame i is centred on i / `FRAME_RATE_HZ` seconds. First come half semitones as a window of
    256 ms sees them, then semitones in one of 64 ms. A full-scale sine is within 2 dB of 0.
    """
    found = []
    for window, filters in _transforms(samples.device):
        spectrum = torch.stft(
            samples,
            len(window),
            HOP_SAMPLES,
            window=window,
            center=True,
            pad_mode="constant",
            return_complex=True,
        )
        power = torch.view_as_real(spectrum).square().sum(-1) / (window.sum() / 2) ** 2
        banded = power.transpose(1, 2) @ filters
        found.append(10 * torch.log10(banded.clamp_min(FLOOR_POWER)))
    return torch.cat(found, dim=-1)


def at_rate(waveform: Waveform) -> Tensor:
    """Return the samples at `RATE_HZ`. Raises UserError when there are none."""
    if len(waveform.samples) == 0:
        raise UserError("the audio is empty; expected at least one sample: record it again")
    samples = torch.from_numpy(waveform.samples.copy())
    if waveform.sample_rate_hz == RATE_HZ:
        return samples

    import torchaudio  # takes half a second, and nothing else here needs it

    resampled: Tensor = torchaudio.functional.resample(samples, waveform.sample_rate_hz, RATE_HZ)
    return resampled
