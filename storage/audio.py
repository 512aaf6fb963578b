"""Audio bytes to a `Waveform` and back, through soundfile."""

import io
from pathlib import Path

import numpy as np
import soundfile
import soxr

from degradation.errors import UserError
from degradation.waveform import Waveform

MAX_CHANNELS = 2


def encode_flac(waveform: Waveform) -> bytes:
    """Return 16-bit FLAC; samples beyond ±1 would be clipped, so they are refused."""
    peak = float(np.abs(waveform.samples).max(initial=0.0))
    if peak >= 1:
        raise ValueError(f"the waveform would clip: expected a peak below 1, got {peak:.3f}")
    encoded = io.BytesIO()
    soundfile.write(
        encoded, waveform.samples, waveform.sample_rate_hz, format="FLAC", subtype="PCM_16"
    )
    return encoded.getvalue()


def decode_audio(data: bytes, name: str) -> Waveform:
    """Return any audio that libsndfile reads, mixed to mono; `name` is for errors."""
    return _read(io.BytesIO(data), name, 0.0, None)


def audio_duration_s(path: Path) -> float:
    """Return the length of an audio file from its header. Raises UserError when it has none."""
    try:
        about = soundfile.info(path)
    except (soundfile.LibsndfileError, OSError) as error:
        raise UserError(_unreadable(path.name, error)) from error
    _check_channels(about.channels, path.name)
    return float(about.frames / about.samplerate)


def read_audio_window(
    path: Path, start_s: float, duration_s: float, sample_rate_hz: int
) -> Waveform:
    """Return a window of a recording, mixed to mono and resampled (soxr, very high quality).

    Raises UserError when the file is unreadable, ends before the window does, has more than
    two channels, or holds samples that are not finite.
    """
    found = _read(path, path.name, start_s, duration_s)
    resampled = soxr.resample(found.samples, found.sample_rate_hz, sample_rate_hz, quality="VHQ")
    wanted = round(duration_s * sample_rate_hz)
    if len(resampled) < wanted - sample_rate_hz // 100:
        raise UserError(
            f"{path.name} ends at {start_s + len(resampled) / sample_rate_hz:.2f} s; expected audio "
            f"up to {start_s + duration_s:.2f} s, as its MIDI has: restore the whole recording"
        )
    exact = np.zeros(wanted, dtype=np.float32)
    kept = min(wanted, len(resampled))
    exact[:kept] = resampled[:kept]
    return Waveform(samples=exact, sample_rate_hz=sample_rate_hz)


def _read(
    source: Path | io.BytesIO, name: str, start_s: float, duration_s: float | None
) -> Waveform:
    try:
        with soundfile.SoundFile(source) as file:
            _check_channels(file.channels, name)
            rate_hz = file.samplerate
            file.seek(min(round(start_s * rate_hz), file.frames))
            frames = -1 if duration_s is None else round(duration_s * rate_hz)
            samples = file.read(frames, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise UserError(_unreadable(name, error)) from error
    return Waveform(samples=samples.mean(axis=1, dtype=np.float32), sample_rate_hz=rate_hz)


def _check_channels(channels: int, name: str) -> None:
    if channels > MAX_CHANNELS:
        raise UserError(
            f"{name} has {channels} channels; expected mono or stereo: mix it down first"
        )


def _unreadable(name: str, error: Exception) -> str:
    return (
        f"{name} cannot be read as audio ({' '.join(str(error).split())}); expected WAV, FLAC, OGG "
        "or MP3: restore or convert the file"
    )
