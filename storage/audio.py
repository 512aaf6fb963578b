"""Audio bytes to a `Waveform` and back, through soundfile."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from degradation.errors import UserError
from degradation.waveform import Waveform

MAX_CHANNELS = 2

SAMPLE_RATES_HZ = (4_000, 384_000)
"""What recordings have; a header that says otherwise is broken, or means harm."""

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
    encoded = io.BytesIO()
    soundfile.write(
        encoded, waveform.samples, waveform.sample_rate_hz, format="FLAC", subtype="PCM_16"
    )
    return encoded.getvalue()


def decode_audio(data: bytes, name: str) -> Waveform:
    """Return any audio that libsndfile reads, mixed to mono; `name` is for errors."""
    return _read(io.BytesIO(data), name, 0.0, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFacts:
    """What an audio file's header says; `bit_depth` is 0 where samples are no integers."""

    sample_rate_hz: int
    bit_depth: int
    channels: int
    duration_s: float


def audio_facts(data: bytes, name: str) -> AudioFacts:
    """Return what the header says of any audio that libsndfile reads; `name` is for errors."""
    with _opened(io.BytesIO(data), name) as file:
        return AudioFacts(
            sample_rate_hz=file.samplerate,
            bit_depth=BIT_DEPTHS.get(file.subtype, 0),
            channels=file.channels,
            duration_s=file.frames / file.samplerate,
        )


def audio_duration_s(path: Path) -> float:
    """Return the length of an audio file from its header. Raises UserError when it has none."""
    with _opened(path, path.name) as file:
        return float(file.frames / file.samplerate)


def read_audio_window(
    path: Path, start_s: float, duration_s: float, sample_rate_hz: int
) -> Waveform:
    """Return a window of a recording, mixed to mono and resampled (soxr, very high quality).

    The window is read with `MARGIN_S` on both sides, so that resampling sees no edge. Raises
    UserError when the file is unreadable, ends before the window does, has more than two
    channels, or holds samples that are not finite.
    """
    before_s = min(start_s, MARGIN_S)
    found = _read(path, path.name, start_s - before_s, before_s + duration_s + MARGIN_S)
    resampled = soxr.resample(found.samples, found.sample_rate_hz, sample_rate_hz, quality="VHQ")
    window = resampled[round(before_s * sample_rate_hz) :]
    wanted = round(duration_s * sample_rate_hz)
    if len(window) < wanted - ROUNDING_S * sample_rate_hz:
        raise UserError(
            f"{path.name} ends at {audio_duration_s(path):.2f} s; expected audio up to "
            f"{start_s + duration_s:.2f} s, as its table says: restore the whole recording"
        )
    exact = np.zeros(wanted, dtype=np.float32)
    kept = min(wanted, len(window))
    exact[:kept] = window[:kept]
    return Waveform(samples=exact, sample_rate_hz=sample_rate_hz)


def _read(
    source: Path | io.BytesIO, name: str, start_s: float, duration_s: float | None
) -> Waveform:
    with _opened(source, name) as file:
        rate_hz = file.samplerate
        file.seek(min(round(start_s * rate_hz), file.frames))
        frames = -1 if duration_s is None else round(duration_s * rate_hz)
        samples = file.read(frames, dtype="float32", always_2d=True)
    try:
        return Waveform(samples=samples.mean(axis=1, dtype=np.float32), sample_rate_hz=rate_hz)
    except UserError as error:  # NaN or infinite; say where
        raise UserError(f"{name}: {error}") from error


@contextmanager
def _opened(source: Path | io.BytesIO, name: str) -> Iterator[soundfile.SoundFile]:
    """Open a file of one or two channels; whatever goes wrong while it is read is a UserError."""
    try:
        with soundfile.SoundFile(source) as file:
            if file.channels > MAX_CHANNELS:
                raise UserError(
                    f"{name} has {file.channels} channels; expected mono or stereo: mix it down"
                )
            if not SAMPLE_RATES_HZ[0] <= file.samplerate <= SAMPLE_RATES_HZ[1]:
                raise UserError(
                    f"{name} says that it has {file.samplerate:,} samples a second; expected "
                    f"{SAMPLE_RATES_HZ[0]:,} to {SAMPLE_RATES_HZ[1]:,}: convert the file"
                )
            yield file
    # A name such as `take.raw` makes soundfile ask for a sample rate: TypeError.
    except (soundfile.SoundFileError, OSError, TypeError) as error:
        raise UserError(
            f"{name} cannot be read as audio ({' '.join(str(error).split())}); expected WAV, FLAC, "
            "OGG or MP3: restore or convert the file"
        ) from error
