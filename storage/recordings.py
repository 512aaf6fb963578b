"""Reads a recording as mono sound, window by window.

Length, level and channel mix are found in one pass over the whole file, in blocks, and cached in
this process until the file changes.
"""

import atexit
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import soundfile
from numpy.typing import NDArray

from degradation.counted import counted
from degradation.errors import UserError
from storage.audio_parts import Part, PartFile, find_parts
from storage.downmix import Levels, Mix, check_channels, choose_mix

SAMPLE_RATES_HZ = (4_000, 384_000)
"""Accepted sample rates; a header beyond them is corrupt or malicious."""

BLOCK_FRAMES = 4096
"""A FLAC frame: where one is broken, no more than that is lost."""

REPORTED_S = 0.05
"""Smaller errors of a header's length are not reported: rounding, padding, a codec's delay."""

_EXACT = ("PCM_", "FLOAT", "DOUBLE", "ULAW", "ALAW")
"""Encodings in which a frame's byte offset follows from its number."""


class Decoder(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is read from its beginning to its true end, whatever its header counts.

    Where a file can be sought in, soundfile stops at the header's count and seeks after every
    read, which libsndfile does to a wrong place in MP3 and not at all in FLAC without a count.
    """

    def seekable(self) -> bool:
        """Not by soundfile."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What a file holds. `exact`: it can seek to a frame; else it is read in order.

    `left_out` are remarks for the user on what was changed or left out.
    """

    path: Path
    parts: tuple[Part, ...]
    sample_rate_hz: int
    frames: int
    exact: bool
    mix: Mix
    left_out: tuple[str, ...]

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate_hz


@contextmanager
def refusing(name: str) -> Iterator[None]:
    """Turn whatever goes wrong while a file is read into a UserError."""
    try:
        yield
    except (soundfile.SoundFileError, OSError, ValueError, struct.error) as error:
        reason = " ".join(str(error).split()).partition(">: ")
        raise UserError(
            f"{name} cannot be read as audio ({reason[2] or reason[0]}); expected WAV, AIFF, AU, "
            "FLAC, OGG or MP3: restore it, or convert it (ffmpeg -i FILE FILE.wav)"
        ) from error


def open_recording(path: Path) -> Recording:
    """Return what a file holds, from one pass over it. Raises UserError for what is no audio."""
    with refusing(path.name):
        state = path.stat()
        return _survey(path, state.st_size, state.st_mtime_ns)


def audio_duration_s(path: Path) -> float:
    """Return a file's length, without decoding it where its size tells. Raises UserError."""
    with refusing(path.name), path.open("rb") as file:
        parts = find_parts(file)
        with open_part(file, parts[0], path.name) as first:
            if len(parts) == 1 and _is_exact(first):
                return float(first.frames / first.samplerate)
    return open_recording(path).duration_s


def read_mono(recording: Recording, first: int, frames: int) -> NDArray[np.float32]:
    """Return frames of a recording as mono, fewer where it ends."""
    frames = max(0, min(frames, recording.frames - first))
    if recording.exact:
        path, part = recording.path, recording.parts[0]
        with path.open("rb") as file, open_part(file, part, path.name) as sound:
            sound.seek(min(first, sound.frames))
            return recording.mix.mono(sound.read(frames, dtype="float32", always_2d=True))
    return _in_order(recording, os.getpid()).read(first, frames)


def open_part(
    file: BinaryIO, part: Part, name: str, kind: type[soundfile.SoundFile] = soundfile.SoundFile
) -> soundfile.SoundFile:
    """Open one recording of a file. Raises UserError for what no recording has."""
    sound = kind(PartFile(file, part))
    check_channels(sound.channels, name)
    if not SAMPLE_RATES_HZ[0] <= sound.samplerate <= SAMPLE_RATES_HZ[1]:
        raise UserError(
            f"{name} says that it has {counted(sound.samplerate, 'sample')} a second; expected "
            f"{SAMPLE_RATES_HZ[0]:,} to {SAMPLE_RATES_HZ[1]:,}: convert the file"
        )
    return sound


@lru_cache(maxsize=64)
def _survey(path: Path, _size: int, _mtime_ns: int) -> Recording:
    remarks: list[str] = []
    levels, forms = Levels(), set()
    with path.open("rb") as file:
        parts = find_parts(file)
        for number, part in enumerate(parts):
            with open_part(file, part, path.name, Decoder) as sound:
                rate_hz, form = sound.samplerate, (sound.format, sound.subtype)
                forms.add((rate_hz, sound.channels))
                if len(forms) > 1:
                    raise UserError(
                        f"{path.name} joins recordings of different rates or channels; expected "
                        "one kind: split it"
                    )
                before = levels.frames
                for block in _blocks(sound):
                    levels = levels.with_block(block)
                found = levels.frames - before
                exact = _is_exact(sound)
                if part.claimed_frames and found == part.claimed_frames:  # FLAC as it should be
                    parts[number], exact = replace(part, head=b"", start=part.start - 26), True
            remarks += _length_remarks(part, found, rate_hz)
    if len(parts) > 1:
        remarks.insert(0, f"{len(parts)} recordings joined in one file were read as one")
    mix = choose_mix(levels, form, path.name)
    return Recording(
        path=path,
        parts=tuple(parts),
        sample_rate_hz=rate_hz,
        frames=levels.frames,
        exact=exact and len(parts) == 1,
        mix=mix,
        left_out=(*remarks, *mix.left_out),
    )


def _is_exact(sound: soundfile.SoundFile) -> bool:
    return sound.format != "FLAC" and cast(str, sound.subtype).startswith(_EXACT)


def _blocks(sound: soundfile.SoundFile) -> Iterator[NDArray[np.float32]]:
    """Yield a file's samples up to its end, or to where it is broken."""
    read = 0
    while True:
        try:
            block = sound.read(BLOCK_FRAMES, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError:
            if not read:
                raise
            return
        if not len(block):
            return
        read += len(block)
        yield block


def _length_remarks(part: Part, frames: int, rate_hz: int) -> list[str]:
    claimed: float | None = part.claimed_frames or None
    if part.claimed_bytes is not None and part.sound_bytes:
        claimed = part.claimed_bytes * frames / part.sound_bytes
    beyond_s = 0.0 if claimed is None else (frames - claimed) / rate_hz
    if beyond_s > REPORTED_S:
        return [f"{beyond_s:.1f} s of sound beyond the length that the header gives were read too"]
    if beyond_s < -REPORTED_S and -beyond_s < 24 * 3600:  # more is no length, but a wild number
        return [f"the file breaks off {-beyond_s:.1f} s before the length that its header gives"]
    return []


class _InOrder:
    """A recording that is read forwards; it begins again where an earlier place is wanted."""

    def __init__(self, recording: Recording) -> None:
        self._recording, self._lock = recording, threading.Lock()
        self._restart()

    def _restart(self) -> None:
        self._blocks, self._at = self._mono(), 0
        self._kept = np.zeros(0, dtype=np.float32)

    def _mono(self) -> Iterator[NDArray[np.float32]]:
        with self._recording.path.open("rb") as file:
            for part in self._recording.parts:
                with open_part(file, part, self._recording.path.name, Decoder) as sound:
                    for block in _blocks(sound):
                        yield self._recording.mix.mono(block)

    def read(self, first: int, frames: int) -> NDArray[np.float32]:
        with self._lock:
            if first < self._at:
                self._restart()
            kept, length = [self._kept], len(self._kept)
            while (
                self._at + length < first + frames
                and (block := next(self._blocks, None)) is not None
            ):
                kept.append(block)
                length += len(block)
                while len(kept) > 1 and self._at + len(kept[0]) <= first:
                    gone = len(kept.pop(0))
                    self._at, length = self._at + gone, length - gone
            whole = np.concatenate(kept)[max(0, first - self._at) :]
            self._at, self._kept = max(self._at, first), whole
            return whole[:frames].copy()


@lru_cache(maxsize=2)
def _in_order(recording: Recording, _process: int) -> _InOrder:
    """Return a reader that goes on where it was; a forked process has its own."""
    return _InOrder(recording)


# A file that is still open when Python frees its modules is freed twice by libsndfile.
atexit.register(_in_order.cache_clear)
