"""Notes as `performance` tokens: absolute time and continuous pedal, one row per note."""

import numpy as np
from numpy.typing import NDArray

from degradation.notes import (
    NOTE_DTYPE,
    PEDAL_DOWN_FROM,
    SOFT,
    SUSTAIN,
    TICKS_PER_S,
    NoteArray,
    PedalArray,
    Performance,
    snap,
)
from models.tokens.tokeniser import TokenArray, Tokeniser

PERFORMANCE_DTYPE = np.dtype(
    [
        ("onset_s", "<f4"),
        ("duration_s", "<f4"),
        ("sounding_s", "<f4"),
        ("pitch", "u1"),
        ("velocity", "u1"),
        ("pedal_onset", "u1"),
        ("pedal_release", "u1"),
        ("soft_onset", "u1"),
    ]
)
"""A token: times in seconds; pedal depths (CC64, and CC67 for `soft_onset`) from 0 to 127.

`duration_s` is how long the key is held, `sounding_s` how long the string rings, until the damper
falls or the key is struck again. float32 keeps onsets within 10 ms for 23 hours.
"""

FINE_CLASSES = 64
FINE_TICKS = TICKS_PER_S // 100
"""Times below 0.64 s fall into classes of 10 ms, counted on the performance's 50 µs grid."""

CLASSES_PER_OCTAVE = 8
TIME_CLASSES = 128
"""From 0.64 s on, a class is an eighth of an octave (9 %); the last begins at 150 s and is open"""

CONTROL_STEP = 4
"""MIDI values per class of velocity and pedal depth: 32 classes."""

_TIMES = ("gap", "duration", "sounding")
_CONTROLS = ("velocity", "pedal_onset", "pedal_release", "soft_onset")
VOCABULARY = (
    dict.fromkeys(_TIMES, TIME_CLASSES)
    | {"pitch": 128}
    | dict.fromkeys(_CONTROLS, 128 // CONTROL_STEP)
)
"""Fields that masked pretraining predicts; `gap` is the time since the previous onset."""


def depth_at(pedal: PedalArray, controller: int, time_s: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return a pedal's depth, 0-127, at each time: its latest value, 0 before the first."""
    moves = pedal[pedal["controller"] == controller]
    latest = np.searchsorted(moves["time_s"], time_s, side="right")
    return np.concatenate([np.zeros(1, np.uint8), moves["value"]])[latest]


def _ring_end_s(
    performance: Performance, depth_at_release: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Return when each note stops sounding: damper, next stroke of its key, or the end."""
    notes, pedal = performance.notes, performance.pedal
    release_s = notes["offset_s"]
    lifted = (pedal["controller"] == SUSTAIN) & (pedal["value"] < PEDAL_DOWN_FROM)
    lift_s = np.append(pedal["time_s"][lifted], performance.duration_s)
    next_lift_s = lift_s[np.searchsorted(lift_s[:-1], release_s, side="right")]
    held = depth_at_release >= PEDAL_DOWN_FROM
    end_s = np.where(held, np.maximum(next_lift_s, release_s), release_s)
    by_key = np.lexsort((notes["onset_s"], notes["pitch"]))
    same_key = notes["pitch"][by_key][1:] == notes["pitch"][by_key][:-1]
    earlier, later = by_key[:-1][same_key], by_key[1:][same_key]
    end_s[earlier] = np.minimum(end_s[earlier], notes["onset_s"][later])
    return np.asarray(end_s, np.float64)


def performance_tokens(performance: Performance) -> TokenArray:
    """Return a `PERFORMANCE_DTYPE` row for each note, in the performance's order; none is dropped.

    Sustained ends follow Hawthorne et al. 2019 (MAESTRO): a note released under the pedal sounds
    until the pedal rises past half or its key is struck again.
    """
    notes, pedal = performance.notes, performance.pedal
    tokens = np.zeros(len(notes), dtype=PERFORMANCE_DTYPE)
    tokens["onset_s"] = notes["onset_s"]
    tokens["duration_s"] = notes["offset_s"] - notes["onset_s"]
    tokens["pitch"] = notes["pitch"]
    tokens["velocity"] = notes["velocity"]
    tokens["pedal_onset"] = depth_at(pedal, SUSTAIN, notes["onset_s"])
    tokens["pedal_release"] = depth_at(pedal, SUSTAIN, notes["offset_s"])
    tokens["soft_onset"] = depth_at(pedal, SOFT, notes["onset_s"])
    tokens["sounding_s"] = _ring_end_s(performance, tokens["pedal_release"]) - notes["onset_s"]
    return tokens


def decode(tokens: TokenArray) -> NoteArray:
    """Return the notes of `PERFORMANCE_DTYPE` rows, numbered from 0.

    Times are snapped to the 50 µs grid; in the first eight minutes, where float32 is precise
    enough, they equal the performance's.
    """
    notes = np.zeros(len(tokens), dtype=NOTE_DTYPE)
    notes["note_id"] = np.arange(len(tokens))
    onset_s = tokens["onset_s"].astype(np.float64)
    notes["onset_s"] = snap(onset_s)
    notes["offset_s"] = snap(onset_s + tokens["duration_s"])
    notes["pitch"], notes["velocity"] = tokens["pitch"], tokens["velocity"]
    return notes


def time_classes(time_s: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the class, 0-127, of times in seconds: 10 ms wide below 0.64 s, then wider."""
    ticks = np.rint(time_s.astype(np.float64) * TICKS_PER_S)
    octaves = np.log2(np.maximum(ticks / (FINE_CLASSES * FINE_TICKS), 1.0))
    fine = np.clip(ticks // FINE_TICKS, 0, FINE_CLASSES)
    coarse = np.floor(CLASSES_PER_OCTAVE * octaves)
    capped: NDArray[np.int64] = np.minimum(fine + coarse, TIME_CLASSES - 1).astype(np.int64)
    return capped


def classes(tokens: TokenArray) -> NDArray[np.int64]:
    """Return each row's class in each field of `VOCABULARY`: (notes, 8).

    The gap of the first row is 0.
    """
    onset_s = tokens["onset_s"].astype(np.float64)
    times_s = (np.diff(onset_s, prepend=onset_s[:1]), tokens["duration_s"], tokens["sounding_s"])
    columns = [time_classes(time_s) for time_s in times_s]
    columns.append(tokens["pitch"].astype(np.int64))
    columns += [tokens[name].astype(np.int64) // CONTROL_STEP for name in _CONTROLS]
    return np.stack(columns, axis=1)


PERFORMANCE = Tokeniser(
    name="performance",
    version="1",
    dtype=PERFORMANCE_DTYPE,
    vocabulary=VOCABULARY,
    encode=performance_tokens,
    decode=decode,
    classes=classes,
)
"""Times in float32, and the pedal at every onset and release."""
