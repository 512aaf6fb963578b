"""Audio bytes to a `Waveform` and back, through soundfile."""

import io
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from degradation.errors import UserError
from degradation.waveform import Waveform
from storage.downmix import check_channels
from storage.recordings import open_recording, read_mono, refusing

MARGIN_S = 0.05
"""What is read beyond a window; a whole number of samples at all usual rates."""

ROUNDING_S = 0.01
"""By how much a recording may end before its last window; the rest is silence."""

BIT_DEPTHS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
"""Bits a sample, by libsndfile's name for the encoding."""


def encode_flac(waveform: Waveform) -> bytes:
    """Return 16-bit FLAC; samples beyond ±1 would be clipped, so they are refused."""
    peak = float(np.abs(waveform.samples).max(initial=0.0))
    if peak >= 1:
        raise ValueError(f"the waveform would clip: expected a peak below 1, got {peak:.3f}")
    # libsndfile would do the same sample by sample.
    integers = np.rint(waveform.samples * np.float32(2**15)).clip(max=2**15 - 1).astype(np.int16)
    encoded = io.BytesIO()
    soundfile.write(encoded, integers, waveform.sample_rate_hz, format="FLAC", subtype="PCM_16")
    return encoded.getvalue()


def decode_audio(data: bytes, name: str) -> Waveform:
    """Return any audio that libsndfile reads, mixed to mono; `name` is for errors."""
    with refusing(name), _open(data, name) as file:
        samples = file.read(dtype="float32", always_2d=True)
        rate_hz = file.samplerate
    return _checked(samples.mean(axis=1, dtype=np.float32), rate_hz, name)


def audio_facts(data: bytes, name: str) -> dict[str, float]:
    """Return what the header says of any audio that libsndfile reads; `name` is for errors.

    `bit_depth` is 0 where samples are no integers.
    """
    with refusing(name), _open(data, name) as file:
        return {
            "sample_rate_hz": float(file.samplerate),
            "bit_depth": float(BIT_DEPTHS.get(file.subtype, 0)),
            "channels": float(file.channels),
            "duration_s": file.frames / file.samplerate,
        }


def read_audio_window(
    path: Path, start_s: float, duration_s: float, sample_rate_hz: int
) -> Waveform:
    """Return a window of a recording, mixed to mono and resampled (soxr, very high quality).

    The window is read with `MARGIN_S` on both sides, so that resampling sees no edge. Raises
    UserError when the file is unreadable, ends before the window does, or holds samples that are
    not finite.
    """
    before_s = min(start_s, MARGIN_S)
    with refusing(path.name):
        recording = open_recording(path)
        rate_hz = recording.sample_rate_hz
        found = read_mono(
            recording,
            round((start_s - before_s) * rate_hz),
            round((before_s + duration_s + MARGIN_S) * rate_hz),
        )
    finite = _checked(found, rate_hz, path.name).samples  # resampling would spread a NaN
    resampled = soxr.resample(finite, rate_hz, sample_rate_hz, quality="VHQ")
    window = resampled[round(before_s * sample_rate_hz) :]
    wanted = round(duration_s * sample_rate_hz)
    if len(window) < wanted - ROUNDING_S * sample_rate_hz:
        raise UserError(
            f"{path.name} ends at {recording.duration_s:.2f} s; expected audio up to "
            f"{start_s + duration_s:.2f} s, as its table says: restore the whole recording"
        )
    exact = np.zeros(wanted, dtype=np.float32)
    kept = min(wanted, len(window))
    exact[:kept] = window[:kept]
    return Waveform(samples=exact, sample_rate_hz=sample_rate_hz)


def _checked(samples: NDArray[np.float32], sample_rate_hz: int, name: str) -> Waveform:
    try:
        return Waveform(samples=samples, sample_rate_hz=sample_rate_hz)
    except UserError as error:  # NaN or infinite; say where
        raise UserError(f"{name}: {error}") from error


def _open(data: bytes, name: str) -> soundfile.SoundFile:
    """Open bytes as they stand, for the audio of the tables, which this project wrote."""
    file = soundfile.SoundFile(io.BytesIO(data))
    check_channels(file.channels, name)
    return file
