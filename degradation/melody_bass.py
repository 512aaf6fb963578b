"""Which notes are struck together, and which of them are melody, bass, or inside."""

import numpy as np
from numpy.typing import NDArray

from degradation.notes import NoteArray

CHORD_GAP_S = 0.03
"""Notes struck within this of the one before are one chord.

Pianists strike the melody of a chord up to some 30 ms before the rest of it (Goebl 2001).
"""

OVERLAP_S = 0.05
"""A key held on for less than this after the next is struck is legato, not a second voice."""

BoolArray = NDArray[np.bool_]


def chord_of(onset_s: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the number of each note's chord, from 0; `onset_s` is sorted, of shape (n,)."""
    begins = np.diff(onset_s, prepend=-np.inf) > CHORD_GAP_S
    return np.cumsum(begins) - 1


def chord_onsets(onset_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return when each chord begins: the onset of its first note, of shape (chords,)."""
    return onset_s[np.diff(onset_s, prepend=-np.inf) > CHORD_GAP_S]


def find_melody(notes: NoteArray) -> BoolArray:
    """Return which notes are struck on top: nothing higher is struck with them or sounds on."""
    return ~_has_company(notes, np.greater)


def find_bass(notes: NoteArray) -> BoolArray:
    """Return which notes are struck at the bottom: nothing lower is there with them."""
    return ~_has_company(notes, np.less)


def _has_company(notes: NoteArray, compare: np.ufunc) -> BoolArray:
    onset_s, offset_s, pitch = notes["onset_s"], notes["offset_s"], notes["pitch"]
    struck_by_then = onset_s <= onset_s[:, None] + CHORD_GAP_S
    with_it = np.abs(onset_s - onset_s[:, None]) <= CHORD_GAP_S
    sounds_on = offset_s > onset_s[:, None] + OVERLAP_S
    beyond = compare(pitch, pitch[:, None])
    found: BoolArray = (struck_by_then & (with_it | sounds_on) & beyond).any(axis=1)
    return found
