"""Notes as OctupleMIDI tokens (MusicBERT, Zeng et al. 2021): a beat grid, one row per note.

A `Performance` has no beat. The grid uses the tempo that MAESTRO's files declare, 120 beats per
minute in 4/4: 16 positions per beat are 31.25 ms each, and a measure is 2 s. Vocabularies and
rounding follow `preprocess.py` in microsoft/muzic, except that no note is truncated (the original
keeps windows of 1,000), rows keep the performance's order (the original sorts by pitch within a
position), and notes beyond the last measure raise an error. There is no pedal.
"""

import math

import numpy as np
from numpy.typing import NDArray

from degradation.errors import UserError
from degradation.notes import NOTE_DTYPE, NoteArray, Performance
from models.tokens.tokeniser import TokenArray, Tokeniser

VOCABULARY = {
    "measure": 256,
    "position": 128,
    "program": 129,
    "pitch": 256,
    "duration": 128,
    "velocity": 32,
    "time_signature": 254,
    "tempo": 49,
}
"""Classes of each field. A piano in 4/4 uses 64 positions, 128 pitches (higher ones are
percussion) and one class each of `program`, `time_signature` and `tempo`."""

OCTUPLE_DTYPE = np.dtype([(field, "u1") for field in VOCABULARY])
"""A token: the class of each field."""

BEATS_PER_MINUTE = 120
BEATS_PER_MEASURE = 4
POSITIONS_PER_BEAT = 16
POSITIONS_PER_MEASURE = POSITIONS_PER_BEAT * BEATS_PER_MEASURE
STEP_S = 60 / BEATS_PER_MINUTE / POSITIONS_PER_BEAT
"""Seconds from one position to the next: 0.03125."""

PIANO_PROGRAM = 0
FOUR_FOUR = 9
"""Class of 4/4: 1/1, 2/1, 1/2 … 4/2 and 1/4 … 3/4 come before it."""

TEMPO = round(12 * math.log2(BEATS_PER_MINUTE / 16))
"""Class of 120 beats a minute: semitone-like steps (2^(1/12)) above 16."""

VELOCITY_STEP = 4

_STEPS_PER_OCTAVE, _OCTAVES = 16, 8
DURATION_STEPS = np.append(0, np.cumsum(np.repeat(2 ** np.arange(_OCTAVES), _STEPS_PER_OCTAVE)))[
    :-1
]
"""Grid steps at which each duration class begins: 16 classes of 1 step, 16 of 2, 16 of 4 …
A class decodes to its beginning; the last begins at 123.5 s and has no end."""


def _position(time_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the nearest grid position; halves round to even, as in the original."""
    return np.rint(time_s / STEP_S).astype(np.int64)


def octuple_tokens(performance: Performance) -> TokenArray:
    """Return an `OCTUPLE_DTYPE` row for each note, in the performance's order; none is dropped.

    A duration is the difference of the rounded offset and onset, which may be 0. Raises UserError
    when a note begins after the last measure.
    """
    notes = performance.notes
    begin, end = _position(notes["onset_s"]), _position(notes["offset_s"])
    measure, position = np.divmod(begin, POSITIONS_PER_MEASURE)
    if len(late_s := notes["onset_s"][measure >= VOCABULARY["measure"]]):
        reach_s = VOCABULARY["measure"] * POSITIONS_PER_MEASURE * STEP_S
        raise UserError(
            f"a note begins at {late_s[0]:.1f} s; expected octuple tokens' 256 measures, "
            f"{reach_s:g} s, at most: cut the performance into windows or use performance tokens"
        )
    tokens = np.zeros(len(notes), dtype=OCTUPLE_DTYPE)
    tokens["measure"], tokens["position"] = measure, position
    tokens["program"] = PIANO_PROGRAM
    tokens["pitch"] = notes["pitch"]
    tokens["duration"] = np.searchsorted(DURATION_STEPS, end - begin, side="right") - 1
    tokens["velocity"] = notes["velocity"] // VELOCITY_STEP
    tokens["time_signature"], tokens["tempo"] = FOUR_FOUR, TEMPO
    return tokens


def onset_s(tokens: TokenArray) -> NDArray[np.float64]:
    """Return the grid time of each row, in seconds."""
    steps = tokens["measure"].astype(np.int64) * POSITIONS_PER_MEASURE + tokens["position"]
    return np.asarray(steps * STEP_S, np.float64)


def decode(tokens: TokenArray) -> NoteArray:
    """Return the notes of `OCTUPLE_DTYPE` rows on the grid, numbered from 0.

    A velocity decodes to the middle of its class, a duration to the beginning, which is exact below
    16 steps and 0 for a note within one position, as in the original.
    """
    notes = np.zeros(len(tokens), dtype=NOTE_DTYPE)
    notes["note_id"] = np.arange(len(tokens))
    notes["onset_s"] = onset_s(tokens)
    notes["offset_s"] = notes["onset_s"] + DURATION_STEPS[tokens["duration"]] * STEP_S
    notes["pitch"] = tokens["pitch"]
    notes["velocity"] = tokens["velocity"] * VELOCITY_STEP + VELOCITY_STEP // 2
    return notes


def classes(tokens: TokenArray) -> NDArray[np.int64]:
    """Return each row's class in each field of `VOCABULARY`: (notes, 8)."""
    return np.stack([tokens[field].astype(np.int64) for field in VOCABULARY], axis=1)


OCTUPLE = Tokeniser(
    name="octuple",
    version="1",
    dtype=OCTUPLE_DTYPE,
    vocabulary=VOCABULARY,
    encode=octuple_tokens,
    decode=decode,
    classes=classes,
)
"""MusicBERT's tokens, the baseline."""
