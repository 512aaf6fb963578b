"""Reads any MIDI file as a `Performance`, and writes one that reads back exactly."""

import struct
from dataclasses import dataclass

import numpy as np

from degradation.errors import UserError
from degradation.notes import TICKS_PER_S, Performance, release_before_restrike, snap
from storage.corpus import LONGEST_S
from storage.midi_events import read_events
from storage.midi_piano import find_piano

TICKS_PER_QUARTER = TICKS_PER_S // 2
"""At 120 beats a minute, which a file's tempo event says, one tick is the 50 µs of the grid."""

LONGEST_TICK = 10_000_000
"""pretty_midi takes a later tick for a sign of corruption: 500 s of `write_midi`'s ticks."""

_HEADER = struct.pack(">4sLHHH", b"MThd", 6, 0, 1, TICKS_PER_QUARTER)
_OPENING = (
    b"\x00\xff\x51\x03" + (500_000).to_bytes(3, "big")  # µs a quarter note: 120 beats a minute
    + b"\x00\xff\x03\x05Piano"
    + b"\x00\xc0\x00"
)  # fmt: skip
_END_OF_TRACK = b"\x00\xff\x2f\x00"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PianoMusic:
    """The piano part of a MIDI file, and remarks on what was left out."""

    performance: Performance
    left_out: tuple[str, ...]


def read_midi(data: bytes, name: str) -> Performance:
    """Return the notes and pedal of MIDI bytes that hold nothing else, such as `write_midi`'s."""
    return read_piano(data, name).performance


def read_piano(data: bytes, name: str) -> PianoMusic:
    """Return the piano's notes and pedal of any MIDI file's bytes; `name` is for errors.

    Notes are numbered by onset, then pitch. Times are snapped to the 50 µs grid. A key that is
    down when the file ends is released there. Raises UserError when the file cannot be read,
    lasts longer than a day, or has no note for a piano.
    """
    notes, pedal, left_out = find_piano(read_events(data, name))
    if not len(notes):
        why = f" for a piano ({'; '.join(left_out)})" if left_out else ""
        raise UserError(f"{name} has no notes{why}; expected piano music: export the piano's part")
    last_s = max(float(notes["offset_s"].max()), float(pedal["time_s"].max(initial=0.0)))
    if last_s > LONGEST_S:  # a few bytes of MIDI can encode a year
        raise UserError(
            f"{name} lasts {last_s:.6g} s; expected at most a day: cut it into pieces, or export "
            "it again"
        )
    notes["onset_s"] = snap(notes["onset_s"])
    # A note shorter than the grid still lasts one tick.
    notes["offset_s"] = np.maximum(
        snap(notes["offset_s"]), snap(notes["onset_s"] + 1 / TICKS_PER_S)
    )
    notes = notes[np.lexsort((notes["pitch"], notes["onset_s"]))]
    notes["note_id"] = np.arange(len(notes))
    pedal["time_s"] = snap(pedal["time_s"])
    notes = release_before_restrike(notes)
    duration_s = max(float(notes["offset_s"].max()), float(pedal["time_s"].max(initial=0.0)))
    return PianoMusic(
        performance=Performance(notes=notes, pedal=pedal, duration_s=duration_s),
        left_out=left_out,
    )


def write_midi(performance: Performance) -> bytes:
    """Return a Standard MIDI File that `read_midi` turns into the same notes and pedal again.

    One track, 50 µs ticks (Standard MIDI Files 1.0, RP-001). Libraries would change the bytes of
    stored rows: pretty_midi sorts the pedal movements of one tick by value, and mido omits
    repeated status bytes.
    Raises ValueError when the music is longer than the 500 s that can be read back.
    """
    notes, pedal = performance.notes, performance.pedal
    pitch = notes["pitch"]
    events = [
        (tick, bytes((status, first, second)))
        for status, time_s, firsts, seconds in (
            (0x80, notes["offset_s"], pitch, np.zeros_like(pitch)),
            (0xB0, pedal["time_s"], pedal["controller"], pedal["value"]),
            (0x90, notes["onset_s"], pitch, notes["velocity"]),
        )
        for tick, first, second in zip(
            _ticks(time_s), firsts.tolist(), seconds.tolist(), strict=True
        )
    ]
    # Stable: at one tick, a key is released before it is struck, and movements keep their order.
    events.sort(key=lambda event: event[0])
    if events and events[-1][0] >= LONGEST_TICK:
        raise ValueError(
            f"the music lasts {events[-1][0] / TICKS_PER_S:.0f} s; expected less than "
            f"{LONGEST_TICK / TICKS_PER_S:.0f} s: cut it into windows"
        )
    track = bytearray(_OPENING)
    now = 0
    for tick, message in events:
        track += _variable_length(tick - now) + message
        now = tick
    track += _END_OF_TRACK
    return _HEADER + struct.pack(">4sL", b"MTrk", len(track)) + bytes(track)


def _ticks(time_s: np.ndarray) -> list[int]:
    ticks: list[int] = np.rint(time_s * TICKS_PER_S).astype(np.int64).tolist()
    return ticks


def _variable_length(number: int) -> bytes:
    """Return a number in groups of seven bits, the highest first, as MIDI files store them."""
    groups = [number & 0x7F]
    while number := number >> 7:
        groups.append(0x80 | number & 0x7F)
    return bytes(reversed(groups))
