"""Parses the bytes of a Standard MIDI File into events, tolerating defects that change no note.

Standard MIDI Files 1.0 (RP-001) and RMID (RP-029). Tolerated: unknown chunks, a wrong number or
length of tracks, a missing end of track, impossible key and time signatures, text in any encoding.
Refused: what leaves the notes in doubt, such as a message that is cut off.

No library reads all of these files: mido stops at an unknown chunk or a key of 18 flats; symusic
drops a track of pedal alone and every note without an end, without a warning; pretty_midi ignores
pedal tracks and later tempos. The tests compare this reader with pretty_midi.
"""

import struct
from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from degradation.counted import counted
from degradation.errors import UserError
from storage.midi_clock import BrokenMidiError, Clock, read_clock

NOTE_OFF, NOTE_ON, CONTROL, PROGRAM = 0x8, 0x9, 0xB, 0xC
"""Kinds of channel message: the upper half of a status byte (MIDI 1.0)."""

PLACEHOLDER_LENGTH = 0x7FFF_0000
"""A chunk's length from here on was never filled in: the recorder wrote until it was stopped."""

_DATA_BYTES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
_COMMON_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0, 0xF8: 0, 0xFA: 0, 0xFB: 0, 0xFC: 0, 0xFE: 0}
"""System messages that belong on a cable, and what follows them; some recorders keep them."""

TEXT_NAME, LYRIC, PORT, END_OF_TRACK, TEMPO = 0x03, 0x05, 0x21, 0x2F, 0x51


@dataclass(slots=True)
class Track:
    """A track's messages while it is read, its tempos, and what it says of itself.

    Each message is its tick, and status, first and second byte packed into one number.
    """

    ticks: "array[int]" = field(default_factory=lambda: array("q"))
    packed: "array[int]" = field(default_factory=lambda: array("q"))
    tempos: list[tuple[int, int]] = field(default_factory=list)
    name: str = ""
    has_lyrics: bool = False
    end_tick: int = 0
    end: int = 0
    ended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MidiEvents:
    """Every channel message of a file in order of time; at one tick, by track and as written.

    The arrays have one length: `tick`, `track` (index into `tracks`), `kind` (`NOTE_ON`, ...),
    `channel` (0-15, plus 16 for each port), and the two data bytes. `end_tick` is where the last
    track ends. `remarks` say what the file holds and what was not read.
    """

    tick: NDArray[np.int64]
    track: NDArray[np.int64]
    kind: NDArray[np.int64]
    channel: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    end_tick: int
    tracks: tuple[Track, ...]
    clock: Clock
    remarks: tuple[str, ...]


def read_events(data: bytes, name: str) -> MidiEvents:
    """Return the events of a MIDI file's bytes; `name` is for errors.

    Raises UserError, which says where, when the bytes are no MIDI file, a message of a track is
    cut off or impossible, or the file is of type 2 with music in several tracks.
    """
    try:
        return _read_events(data)
    except BrokenMidiError as error:
        raise UserError(
            f"{name} cannot be read as MIDI ({error}); expected a complete Standard MIDI File: "
            "download or export it again"
        ) from error


def _read_events(data: bytes) -> MidiEvents:
    start = data.find(b"MThd")  # an RMID file or an old Macintosh header may stand before it
    if start < 0:
        raise BrokenMidiError("it has no header MThd")
    if len(data) < start + 14:
        raise BrokenMidiError("its header is cut off")
    length, kind, count, division = struct.unpack_from(">IHHH", data, start + 4)
    first = start + 8 + max(6, length)
    tracks, remarks = _read_tracks(data, first if first < len(data) else start + 14)
    if not tracks:
        raise BrokenMidiError("it has no track")
    with_notes = [t for t in tracks if any(packed >> 20 & 0xF == NOTE_ON for packed in t.packed)]
    if kind == 2 and len(with_notes) > 1:
        raise BrokenMidiError("type 2, several pieces in one file: expected type 0 or 1")
    if len(tracks) < count:
        remarks.append(
            f"{count - len(tracks)} of {count} tracks that its header counts are missing"
        )
    tick = np.concatenate([np.frombuffer(track.ticks, np.int64) for track in tracks])
    packed = np.concatenate([np.frombuffer(track.packed, np.int64) for track in tracks])
    order = np.argsort(tick, kind="stable")
    packed = packed[order]
    return MidiEvents(
        tick=tick[order],
        track=np.repeat(np.arange(len(tracks)), [len(track.ticks) for track in tracks])[order],
        kind=packed >> 20 & 0xF,
        channel=(packed >> 16 & 0xF) + 16 * (packed >> 24),
        first=packed >> 8 & 0xFF,
        second=packed & 0xFF,
        end_tick=max(track.end_tick for track in tracks),
        tracks=tuple(tracks),
        clock=read_clock(division, [tempo for track in tracks for tempo in track.tempos]),
        remarks=tuple(remarks),
    )


def _read_tracks(data: bytes, position: int) -> tuple[list[Track], list[str]]:
    """Return the tracks from a position on, and what was passed over that may be music."""
    tracks: list[Track] = []
    remarks: list[str] = []
    while position + 8 <= len(data):
        kind, body = data[position : position + 4], position + 8
        end = body + int.from_bytes(data[position + 4 : body], "big")
        if kind == b"MThd":
            remarks.append("another MIDI file follows in the same file and is left out")
            break
        fits = end <= len(data) and _may_end(data, end)
        if kind == b"MTrk":
            track = _read_track(data, body, end if fits else len(data), len(tracks) + 1)
            lacking = end - len(data)
            if lacking > 0 and not track.ended and end - body < PLACEHOLDER_LENGTH:
                raise BrokenMidiError(
                    f"track {len(tracks) + 1} lacks its last {counted(lacking, 'byte')}"
                )
            if fits and data[track.end : end].strip(b"\0"):
                remarks.append(
                    f"{counted(end - track.end, 'byte')} behind the end of track "
                    f"{len(tracks) + 1} left out"
                )
            tracks.append(track)
            position = end if fits else _next_track(data, track.end)
        else:
            position = end if fits and _is_name(kind) else _next_track(data, position)
    return tracks, remarks


def _may_end(data: bytes, end: int) -> bool:
    """Whether a chunk may end here: another one follows, or the file's end, or padding."""
    rest = data[end : end + 8]
    return len(rest) < 8 or _is_name(rest[:4]) or not rest.strip(b"\0")


def _is_name(kind: bytes) -> bool:
    return all(0x20 <= letter < 0x7F for letter in kind)


def _next_track(data: bytes, position: int) -> int:
    found = data.find(b"MTrk", position)
    return len(data) if found < 0 else found


def _read_track(data: bytes, start: int, limit: int, number: int) -> Track:
    """Read a track until its end, or else until `limit`."""
    track = Track()
    add_tick, add_packed = track.ticks.append, track.packed.append
    position, tick, status, port = start, 0, 0, 0
    try:
        while position < limit:
            delta = data[position]
            position += 1
            if delta & 0x80:
                delta, position = _variable_length(data, position - 1)
            tick += delta
            byte = data[position]
            if byte >= 0xF0:
                position += 1
                if byte in _COMMON_BYTES:
                    position += _COMMON_BYTES[byte]
                    continue
                if byte not in (0xF0, 0xF7, 0xFF):
                    raise BrokenMidiError(f"there is no message {byte:#x}: {_at(position, number)}")
                meta = data[position] if byte == 0xFF else -1
                length, position = _variable_length(data, position + (byte == 0xFF))
                content, position = data[position : position + length], position + length
                if position > limit:
                    raise IndexError
                if meta == END_OF_TRACK:
                    track.ended = True
                    break
                if meta == TEMPO and length == 3 and any(content):
                    track.tempos.append((tick, int.from_bytes(content, "big")))
                elif meta == PORT and length:
                    port = content[0]
                elif meta == LYRIC:
                    track.has_lyrics = True
                elif meta == TEXT_NAME and not track.name:
                    track.name = _text(content)
                continue
            if byte & 0x80:
                status = byte
                position += 1
            elif not status:
                raise BrokenMidiError(f"a message has no status: {_at(position, number)}")
            first, second = data[position], 0
            if _DATA_BYTES[status >> 4] == 2:
                second = data[position + 1]
                position += 1
            position += 1
            if (first | second) & 0x80:
                raise BrokenMidiError(f"a message is cut off: {_at(position, number)}")
            add_tick(tick)
            add_packed(port << 24 | status << 16 | first << 8 | second)
        if position > limit:
            raise IndexError
    except IndexError as error:
        raise BrokenMidiError(f"its last message is cut off: {_at(position, number)}") from error
    track.end_tick, track.end = tick, position
    return track


def _at(position: int, number: int) -> str:
    return f"byte {position:,}, track {number}"


def _variable_length(data: bytes, position: int) -> tuple[int, int]:
    """Return a number of up to four groups of seven bits, and the position behind it."""
    number = 0
    for _ in range(4):
        byte = data[position]
        position += 1
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            return number, position
    raise BrokenMidiError(f"a number has more than four bytes: byte {position:,}")


def _text(content: bytes) -> str:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return " ".join("".join(letter for letter in text if letter.isprintable()).split())
