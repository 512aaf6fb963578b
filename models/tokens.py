"""Notes as `performance` tokens: absolute time and continuous pedal, one row a note."""

import numpy as np
from numpy.typing import NDArray

from degradation.notes import SOFT, SUSTAIN, Performance

TOKEN_DTYPE = np.dtype(
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

`duration_s` is how long the key is held, `sounding_s` how long the string rings: until the
damper falls or the key is struck again. float32 places an onset within 10 ms for 23 hours.
"""

DAMPER_DOWN = 64
"""From this CC64 value on, the pedal holds the dampers off the strings (MIDI 1.0)."""

TokenArray = NDArray[np.void]


def _depth_at(
    time_s: NDArray[np.float64], moved_s: NDArray[np.float64], value: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Return the pedal's value at each time: its latest movement's, 0 before the first."""
    latest = np.searchsorted(moved_s, time_s, side="right")
    return np.concatenate([np.zeros(1, np.uint8), value])[latest]


def _ring_end_s(
    performance: Performance, moved_s: NDArray[np.float64], value: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Return when each note falls silent: damper, next stroke of its key, or the end."""
    notes = performance.notes
    release_s = notes["offset_s"]
    lift_s = np.append(moved_s[value < DAMPER_DOWN], performance.duration_s)
    next_lift_s = lift_s[np.searchsorted(lift_s[:-1], release_s, side="right")]
    held = _depth_at(release_s, moved_s, value) >= DAMPER_DOWN
    end_s = np.where(held, np.maximum(next_lift_s, release_s), release_s)
    by_key = np.lexsort((notes["onset_s"], notes["pitch"]))
    same_key = notes["pitch"][by_key][1:] == notes["pitch"][by_key][:-1]
    earlier, later = by_key[:-1][same_key], by_key[1:][same_key]
    end_s[earlier] = np.minimum(end_s[earlier], notes["onset_s"][later])
    return np.asarray(end_s, np.float64)


def performance_tokens(performance: Performance) -> TokenArray:
    """Return one `TOKEN_DTYPE` row for each note, in the performance's order; none is dropped.

    The sustained end follows the convention of Hawthorne et al. 2019 (MAESTRO): a note
    released under the pedal rings until the pedal rises past half or its key is struck again.
    """
    notes, pedal = performance.notes, performance.pedal
    sustain, soft = pedal[pedal["controller"] == SUSTAIN], pedal[pedal["controller"] == SOFT]
    tokens = np.zeros(len(notes), dtype=TOKEN_DTYPE)
    tokens["onset_s"] = notes["onset_s"]
    tokens["duration_s"] = notes["offset_s"] - notes["onset_s"]
    ring_end_s = _ring_end_s(performance, sustain["time_s"], sustain["value"])
    tokens["sounding_s"] = ring_end_s - notes["onset_s"]
    tokens["pitch"] = notes["pitch"]
    tokens["velocity"] = notes["velocity"]
    tokens["pedal_onset"] = _depth_at(notes["onset_s"], sustain["time_s"], sustain["value"])
    tokens["pedal_release"] = _depth_at(notes["offset_s"], sustain["time_s"], sustain["value"])
    tokens["soft_onset"] = _depth_at(notes["onset_s"], soft["time_s"], soft["value"])
    return tokens
