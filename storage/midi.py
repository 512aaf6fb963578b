"""MIDI bytes to a `Performance` and back, through pretty_midi."""

import io
from typing import Any

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

TEMPO_BPM = 120
RESOLUTION = TICKS_PER_S * 60 // TEMPO_BPM
"""Ticks a quarter note: at 120 beats a minute one tick is the 50 µs of `notes.TICKS_PER_S`."""


def read_midi(data: bytes, name: str) -> Performance:
    """Return the piano notes and pedal of a MIDI file's bytes; `name` is for errors.

    Notes are numbered by onset, then pitch. Times are snapped to the 50 µs grid. Drum
    tracks are passed over. Raises UserError when the file cannot be read or has no notes.
    """
    try:
        midi = pretty_midi.PrettyMIDI(io.BytesIO(data))
    # mido and pretty_midi raise whatever their parser trips over: OSError, EOFError,
    # ValueError, KeyError, IndexError; all of them mean that these bytes are no MIDI file.
    except Exception as error:
        raise UserError(
            f"{name} cannot be read as MIDI ({type(error).__name__}: {error}); expected a complete "
            "Standard MIDI File: download or export it again"
        ) from error
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
    notes["onset_s"], notes["offset_s"] = snap(notes["onset_s"]), snap(notes["offset_s"])
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
    return Performance(notes=notes, pedal=sort_pedal(pedal), duration_s=float(snap(last_s)))


def write_midi(performance: Performance) -> bytes:
    """Return a Standard MIDI File that `read_midi` turns into the same notes and pedal again."""
    midi: Any = pretty_midi.PrettyMIDI(resolution=RESOLUTION, initial_tempo=TEMPO_BPM)
    piano = pretty_midi.Instrument(program=0, name="Piano")
    piano.notes = [
        pretty_midi.Note(
            velocity=int(note["velocity"]),
            pitch=int(note["pitch"]),
            start=float(note["onset_s"]),
            end=float(note["offset_s"]),
        )
        for note in performance.notes
    ]
    piano.control_changes = [
        pretty_midi.ControlChange(
            number=int(movement["controller"]),
            value=int(movement["value"]),
            time=float(movement["time_s"]),
        )
        for movement in performance.pedal
    ]
    midi.instruments.append(piano)
    written = io.BytesIO()
    midi.write(written)
    return written.getvalue()
