"""MIDI bytes to a `Performance` (through pretty_midi) and back, exactly."""

import io
import struct
import warnings

import mido  # type: ignore[import-untyped]
import numpy as np
import pretty_midi

from degradation.errors import UserError
from degradation.notes import (
    NOTE_DTYPE,
    PEDAL_CONTROLLERS,
    PEDAL_DTYPE,
    PIANO_PITCHES,
    TICKS_PER_S,
    Performance,
    release_before_restrike,
    snap,
    sort_pedal,
)

TICKS_PER_QUARTER = TICKS_PER_S // 2
"""At 120 beats a minute, which a file's tempo event says, one tick is the 50 µs of the grid."""

LONGEST_TICK = 10_000_000
"""pretty_midi takes a later tick for a sign of corruption: 500 s of `write_midi`'s ticks."""

NOTE_OFF, PEDAL, NOTE_ON = range(3)
"""The order of events within one tick: a key is let go before it is struck again."""

_HEADER = struct.pack(">4sLHHH", b"MThd", 6, 0, 1, TICKS_PER_QUARTER)
_OPENING = (
    b"\x00\xff\x51\x03" + (500_000).to_bytes(3, "big")  # µs a quarter note: 120 beats a minute
    + b"\x00\xff\x03\x05Piano"
    + b"\x00\xc0\x00"
)  # fmt: skip
_END_OF_TRACK = b"\x00\xff\x2f\x00"


def read_midi(data: bytes, name: str) -> Performance:
    """Return the piano notes and pedal of a MIDI file's bytes; `name` is for errors.

    Notes are numbered by onset, then pitch. Times are snapped to the 50 µs grid. Drum
    tracks are passed over. A key that is down when the file ends, as where a recorder was
    stopped, is let go there. Raises UserError when the file cannot be read or has no notes.
    """
    midi = _parse(data, name)
    instruments = [instrument for instrument in midi.instruments if not instrument.is_drum]
    found = [note for instrument in instruments for note in instrument.notes]
    outside = sum(note.pitch not in PIANO_PITCHES for note in found)
    if outside:
        raise UserError(
            f"{name} has {outside} notes outside the piano's 21-108; expected piano music: "
            "export the piano track alone"
        )
    if not found:
        raise UserError(f"{name} has no notes; expected piano music: export it again")
    notes = np.array(
        [(0, note.start, note.end, note.pitch, note.velocity) for note in found], dtype=NOTE_DTYPE
    )
    notes["onset_s"] = snap(notes["onset_s"])
    # A note shorter than the grid is fine still lasts one tick.
    notes["offset_s"] = np.maximum(
        snap(notes["offset_s"]), snap(notes["onset_s"] + 1 / TICKS_PER_S)
    )
    notes = notes[np.lexsort((notes["pitch"], notes["onset_s"]))]
    notes["note_id"] = np.arange(len(notes))
    pedal = np.array(
        [
            (change.time, change.number, change.value)
            for instrument in instruments
            for change in instrument.control_changes
            if change.number in PEDAL_CONTROLLERS
        ],
        dtype=PEDAL_DTYPE,
    )
    pedal["time_s"] = snap(pedal["time_s"])
    notes = release_before_restrike(notes)
    last_s = max(float(notes["offset_s"].max()), float(midi.get_end_time()))
    try:
        return Performance(notes=notes, pedal=sort_pedal(pedal), duration_s=float(snap(last_s)))
    except ValueError as error:
        raise UserError(
            f"{name} is {error}; expected playable piano music: export it again"
        ) from error


def write_midi(performance: Performance) -> bytes:
    """Return a Standard MIDI File that `read_midi` turns into the same notes and pedal again.

    One track, 50 µs ticks (Standard MIDI Files 1.0, RP-001). It is written here, because
    pretty_midi sorts the pedal movements of one tick by value, which changes the last of them.
    Raises ValueError when the music is longer than the 500 s that can be read back.
    """
    notes, pedal = performance.notes, performance.pedal
    pitches = notes["pitch"].tolist()
    events = [
        *(
            (tick, NOTE_OFF, bytes((0x80, pitch, 0)))
            for tick, pitch in zip(_ticks(notes["offset_s"]), pitches, strict=True)
        ),
        *(
            (tick, PEDAL, bytes((0xB0, controller, value)))
            for tick, controller, value in zip(
                _ticks(pedal["time_s"]),
                pedal["controller"].tolist(),
                pedal["value"].tolist(),
                strict=True,
            )
        ),
        *(
            (tick, NOTE_ON, bytes((0x90, pitch, velocity)))
            for tick, pitch, velocity in zip(
                _ticks(notes["onset_s"]), pitches, notes["velocity"].tolist(), strict=True
            )
        ),
    ]
    events.sort(key=lambda event: event[:2])  # stable: movements of one tick keep their order
    if events and events[-1][0] >= LONGEST_TICK:
        raise ValueError(
            f"the music lasts {events[-1][0] / TICKS_PER_S:.0f} s; expected less than "
            f"{LONGEST_TICK / TICKS_PER_S:.0f} s: cut it into windows"
        )
    track = bytearray(_OPENING)
    now = 0
    for tick, _, message in events:
        track += _variable_length(tick - now) + message
        now = tick
    track += _END_OF_TRACK
    return _HEADER + struct.pack(">4sL", b"MTrk", len(track)) + bytes(track)


def _parse(data: bytes, name: str) -> pretty_midi.PrettyMIDI:
    try:
        file = mido.MidiFile(file=io.BytesIO(data))
        tempo_elsewhere = any(
            event.type == "set_tempo" for track in file.tracks[1:] for event in track
        )
        with warnings.catch_warnings():
            # pretty_midi warns of key signatures outside the first track, which are harmless.
            warnings.simplefilter("ignore")
            _let_go_at_the_end(file)
            midi = pretty_midi.PrettyMIDI(mido_object=file)
    # mido and pretty_midi raise whatever their parser trips over: OSError, EOFError,
    # ValueError, KeyError, IndexError; all of them mean that these bytes are no MIDI file.
    except Exception as error:
        reason = " ".join(f"{type(error).__name__} {error}".split())
        raise UserError(
            f"{name} cannot be read as MIDI ({reason}); expected a complete Standard MIDI File: "
            "download or export it again"
        ) from error
    if file.type == 2:
        raise UserError(
            f"{name} is a Standard MIDI File of type 2, of several pieces in one; expected type 0 "
            "or 1: export each piece by itself"
        )
    if tempo_elsewhere:
        # pretty_midi follows the first track's tempo alone: every later time would be wrong.
        raise UserError(
            f"{name} changes its tempo outside the first track; expected a Standard MIDI File of "
            "type 0 or 1: export it again"
        )
    return midi


def _let_go_at_the_end(file: mido.MidiFile) -> None:
    """Release every key at the end of its track; pretty_midi drops notes that are never released.

    It passes over the release of a key that is up already, which most of them are.
    """
    ends = [sum(event.time for event in track) for track in file.tracks]
    for track, track_end in zip(file.tracks, ends, strict=True):
        last_onset, now, keys = -1, 0, set()
        for event in track:
            now += event.time
            if event.type == "note_on" and event.velocity > 0:
                last_onset = now
                keys.add((event.channel, event.note))
        wait = max(*ends, last_onset + 1) - track_end  # a note lasts a tick at least
        for channel, note in sorted(keys):
            track.append(mido.Message("note_off", channel=channel, note=note, time=wait))
            wait = 0


def _ticks(time_s: np.ndarray) -> list[int]:
    ticks: list[int] = np.rint(time_s * TICKS_PER_S).astype(np.int64).tolist()
    return ticks


def _variable_length(number: int) -> bytes:
    """Return a number in groups of seven bits, the highest first, as MIDI files store them."""
    groups = [number & 0x7F]
    while number := number >> 7:
        groups.append(0x80 | number & 0x7F)
    return bytes(reversed(groups))
