"""Which notes form a chord, and which of them are melody, bass or accompaniment."""

import numpy as np
from numpy.typing import NDArray

from degradation.notes import NoteArray

CHORD_GAP_S = 0.03
"""Notes within this of the note before belong to its chord, for the damage and its measures.

Pianists strike the melody of a chord up to some 30 ms before the rest (Goebl 2001).
"""

EVENT_GAP_S = 0.05
"""The same for the labeling functions, which follow listeners best at 50 ms (of 30 to 70 ms tried
on PercePiano). Goebl & Parncutt 2002 test asynchronies of chords up to 54 ms."""

OVERLAP_S = 0.05
"""A key held for less than this beyond the next onset is legato, not a second voice."""

BoolArray = NDArray[np.bool_]


def first_of_chord(onset_s: NDArray[np.float64], gap_s: float = CHORD_GAP_S) -> NDArray[np.intp]:
    """Return the index of each chord's first note; `onset_s` is sorted, of shape (n,)."""
    return np.flatnonzero(np.diff(onset_s, prepend=-np.inf) > gap_s)


def chord_of(onset_s: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the number of each note's chord, from 0; `onset_s` is sorted, of shape (n,)."""
    return np.cumsum(np.diff(onset_s, prepend=-np.inf) > CHORD_GAP_S) - 1


def chord_onsets(onset_s: NDArray[np.float64], gap_s: float = CHORD_GAP_S) -> NDArray[np.float64]:
    """Return the onset of each chord's first note, of shape (chords,)."""
    return onset_s[first_of_chord(onset_s, gap_s)]


def find_melody(notes: NoteArray) -> BoolArray:
    """Return which notes are on top: no higher note is struck with them or still sounds."""
    return ~_has_company(notes, np.greater)


def find_bass(notes: NoteArray) -> BoolArray:
    """Return which notes are at the bottom: no lower note is struck with them or still sounds."""
    return ~_has_company(notes, np.less)


def find_melody_and_accompaniment(notes: NoteArray) -> tuple[BoolArray, BoolArray]:
    """Return which notes are an accompanied melody, and which accompany one.

    A note that sounds alone is neither.
    """
    on_top = find_melody(notes)
    return on_top & ~find_bass(notes), ~on_top


def _has_company(notes: NoteArray, compare: np.ufunc) -> BoolArray:
    onset_s, offset_s, pitch = notes["onset_s"], notes["offset_s"], notes["pitch"]
    struck_by_then = onset_s <= onset_s[:, None] + CHORD_GAP_S
    with_it = np.abs(onset_s - onset_s[:, None]) <= CHORD_GAP_S
    sounds_on = offset_s > onset_s[:, None] + OVERLAP_S
    beyond = compare(pitch, pitch[:, None])
    found: BoolArray = (struck_by_then & (with_it | sounds_on) & beyond).any(axis=1)
    return found
