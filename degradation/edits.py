"""Edits of a performance, note by note: drawn once by an operation, stored, and applied.

Applying stored edits again gives the same performance; nothing is drawn a second time.
"""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import scipy
from numpy.typing import NDArray

from degradation.notes import (
    NOTE_DTYPE,
    TICK_S,
    NoteArray,
    PedalArray,
    Performance,
    latest_onset,
    release_before_restrike,
    snap,
)


class Change(IntEnum):
    """How a note was changed."""

    ALTERED = 0
    MISSED = 1
    EXTRA = 2
    CUT = 3
    """It would begin after the window's end, because time was inserted before it."""


EDIT_DTYPE = np.dtype(
    [
        ("change", "u1"),
        ("note_id", "<i4"),
        ("onset_shift_s", "<f8"),
        ("offset_shift_s", "<f8"),
        ("pitch_shift", "<i2"),
        ("velocity_shift", "<i2"),
    ]
)
"""One note's edit: by how much each field changes. An EXTRA note changes from zero."""


def no_edits() -> NDArray[np.void]:
    """Return an empty array of `EDIT_DTYPE`."""
    return np.zeros(0, dtype=EDIT_DTYPE)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Edits:
    """`notes` has EDIT_DTYPE, one row a changed note; `pedal` is the whole pedal, if it changed."""

    notes: NDArray[np.void] = field(default_factory=no_edits)
    pedal: PedalArray | None = None

    def __bool__(self) -> bool:
        return len(self.notes) > 0 or self.pedal is not None


def alter(note_id: NDArray[np.integer], **shifts: NDArray[np.number]) -> NDArray[np.void]:
    """Return edits that change the named fields of notes; unchanged notes are left out.

    `shifts` are arrays as long as `note_id`, named as the shift fields of `EDIT_DTYPE`; times are
    snapped to the grid.
    """
    edits = np.zeros(len(note_id), dtype=EDIT_DTYPE)
    edits["note_id"] = note_id
    for name, shift in shifts.items():
        edits[name] = snap(shift) if name.endswith("_s") else shift
    moved = np.any([edits[name] != 0 for name in shifts], axis=0)
    return edits[moved]


def add_notes(notes: NoteArray) -> NDArray[np.void]:
    """Return the edits that add notes."""
    edits = np.zeros(len(notes), dtype=EDIT_DTYPE)
    edits["change"], edits["note_id"] = Change.EXTRA, notes["note_id"]
    edits["onset_shift_s"], edits["offset_shift_s"] = notes["onset_s"], notes["offset_s"]
    edits["pitch_shift"], edits["velocity_shift"] = notes["pitch"], notes["velocity"]
    return edits


def apply_edits(performance: Performance, edits: Edits) -> Performance:
    """Return the performance with `edits` applied; notes that they do not name stay.

    Moved notes stay inside the window, and a key is released before it is struck again.
    Raises ValueError for an altered or missed note that does not exist, an extra one whose id
    does, two edits of one note, or a pitch or velocity that a piano does not have.
    """
    return apply_unchecked(performance, edits).checked()


def apply_unchecked(performance: Performance, edits: Edits) -> Performance:
    """Return what `apply_edits` does, whose rules are to be checked later, by `checked`."""
    pedal = performance.pedal if edits.pedal is None else edits.pedal
    notes, duration_s = performance.notes, performance.duration_s
    if len(edits.notes):
        notes = _edited(notes, edits.notes, duration_s)
    return Performance.unchecked(notes=notes, pedal=pedal, duration_s=duration_s)


def _edited(notes: NoteArray, edits: NDArray[np.void], duration_s: float) -> NoteArray:
    rows = _rows_of(edits, notes)
    extra = np.zeros(int(np.sum(rows < 0)), dtype=NOTE_DTYPE)
    extra["note_id"] = edits["note_id"][rows < 0]
    edited = np.concatenate([notes, extra])
    rows[rows < 0] = np.arange(len(notes), len(edited))
    for name in ("pitch", "velocity"):
        if (shift := edits[f"{name}_shift"]).any():
            edited[name][rows] = _shifted(edited[name][rows], shift, name)
    gone = np.isin(edits["change"], (Change.MISSED, Change.CUT))
    moves = (edits[name].any() for name in ("onset_shift_s", "offset_shift_s", "pitch_shift"))
    if not (len(extra) or gone.any() or any(moves)):
        return edited  # of other velocities alone: order and keys stay
    latest_onset_s = latest_onset(duration_s)
    onset_s = np.clip(edited["onset_s"][rows] + edits["onset_shift_s"], 0.0, latest_onset_s)
    edited["offset_s"][rows] = np.clip(
        edited["offset_s"][rows] + edits["offset_shift_s"], onset_s + TICK_S, duration_s
    )
    edited["onset_s"][rows] = onset_s
    if gone.any():
        edited = np.delete(edited, rows[gone])
    return release_before_restrike(edited, latest_onset_s)


def _rows_of(edits: NDArray[np.void], notes: NoteArray) -> NDArray[np.intp]:
    """Return the row of each edit's note, -1 for an extra one. Raises ValueError for misfits."""
    named, by_id = edits["note_id"], np.argsort(notes["note_id"])
    rows = np.append(by_id, -1)[np.searchsorted(notes["note_id"], named, sorter=by_id)]
    known = rows >= 0
    known[known] = notes["note_id"][rows[known]] == named[known]
    extra = edits["change"] == Change.EXTRA
    if len(unknown := named[~known & ~extra]):
        raise ValueError(f"edits name notes that do not exist: {unknown[:5].tolist()}")
    if len(taken := named[known & extra]):
        raise ValueError(f"edits add notes with ids that exist: {taken[:5].tolist()}")
    if len(np.unique(named)) < len(named):
        raise ValueError("edits name a note twice; expected one edit a note")
    return np.where(known, rows, -1)


def _shifted(
    value: NDArray[np.integer], shift: NDArray[np.integer], name: str
) -> NDArray[np.integer]:
    moved = value.astype(np.int32) + shift
    if len(outside := moved[(moved < 0) | (moved > 127)]):
        raise ValueError(f"edits give a {name} of {outside[0]}; expected 0-127")
    return moved


def carry_pedal(performance: Performance, onset_shift_s: NDArray[np.float64]) -> PedalArray | None:
    """Return the pedal moved along with the notes, or None without pedal or notes.

    A movement's shift is interpolated between the onsets around it (simultaneous notes count
    once, by their mean). Movements that would overtake each other take the nearest times that
    keep their order (isotonic regression: a running maximum would delay the pedal). They stay
    inside the window, and a position at time 0 stays there.
    """
    pedal, onset_s = performance.pedal, performance.notes["onset_s"]
    if not len(pedal) or not len(onset_s):
        return None
    struck_s, chord = np.unique(onset_s, return_inverse=True)
    chord_shift_s = np.bincount(chord, weights=snap(onset_shift_s)) / np.bincount(chord)
    moved_s = pedal["time_s"] + np.interp(pedal["time_s"], struck_s, chord_shift_s)
    inside_s = np.clip(moved_s, 0.0, performance.duration_s)
    carried = pedal.copy()
    carried["time_s"] = snap(
        scipy.optimize.isotonic_regression(np.where(pedal["time_s"] > 0, inside_s, 0.0)).x
    )
    return carried
