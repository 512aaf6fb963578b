"""What an operation does to a performance, note by note: drawn once, stored, and applied.

An `Edits` is the provenance. Applying stored edits again gives the same performance; nothing
is drawn a second time.
"""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from degradation.notes import (
    NOTE_DTYPE,
    PEDAL_DTYPE,
    TICKS_PER_S,
    PedalArray,
    Performance,
    release_before_restrike,
    snap,
    sort_pedal,
)


class Change(IntEnum):
    """What became of a note."""

    ALTERED = 0
    MISSED = 1
    EXTRA = 2


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
"""One note's edit: by how much each field moves. An EXTRA note moves from zero."""


def no_edits() -> NDArray[np.void]:
    """Return an empty array of `EDIT_DTYPE`."""
    return np.zeros(0, dtype=EDIT_DTYPE)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Edits:
    """`notes` has EDIT_DTYPE, one row a changed note; `pedal` is all of the pedal, if it moved."""

    notes: NDArray[np.void] = field(default_factory=no_edits)
    pedal: PedalArray | None = None


def alter(note_id: NDArray[np.integer], **shifts: NDArray[np.number]) -> NDArray[np.void]:
    """Return edits that move the named fields of notes; notes that stay are left out.

    `shifts` are arrays as long as `note_id`, named as in `EDIT_DTYPE`; times are snapped.
    """
    edits = np.zeros(len(note_id), dtype=EDIT_DTYPE)
    edits["note_id"] = note_id
    for name, shift in shifts.items():
        edits[name] = snap(shift) if name.endswith("_s") else shift
    moved = np.any([edits[name] != 0 for name in shifts], axis=0)
    return edits[moved]


def apply_edits(performance: Performance, edits: Edits) -> Performance:
    """Return the performance with `edits` made; every note that they do not name stays.

    Onsets are kept inside the window and a key is let go before it is struck again.
    Raises ValueError when an edit names a note that isn't there.
    """
    change = edits.notes["change"]
    altered = edits.notes[change == Change.ALTERED]
    missed = edits.notes[change == Change.MISSED]
    extra = edits.notes[change == Change.EXTRA]
    notes = performance.notes.copy()
    named = np.concatenate([altered["note_id"], missed["note_id"]])
    if unknown := set(named.tolist()) - set(notes["note_id"].tolist()):
        raise ValueError(f"edits name notes that the performance has not: {sorted(unknown)[:5]}")

    by_id = np.argsort(notes["note_id"])
    rows = by_id[np.searchsorted(notes["note_id"], altered["note_id"], sorter=by_id)]
    notes["onset_s"][rows] += altered["onset_shift_s"]
    notes["offset_s"][rows] += altered["offset_shift_s"]
    notes["pitch"][rows] = notes["pitch"][rows] + altered["pitch_shift"]
    notes["velocity"][rows] = notes["velocity"][rows] + altered["velocity_shift"]
    notes = notes[~np.isin(notes["note_id"], missed["note_id"])]

    inserted = np.zeros(len(extra), dtype=NOTE_DTYPE)
    inserted["note_id"] = extra["note_id"]
    inserted["onset_s"], inserted["offset_s"] = extra["onset_shift_s"], extra["offset_shift_s"]
    inserted["pitch"], inserted["velocity"] = extra["pitch_shift"], extra["velocity_shift"]
    notes = np.concatenate([notes, inserted])

    tick_s = 1 / TICKS_PER_S
    latest_onset_s = latest_onset(performance.duration_s)
    notes["onset_s"] = snap(np.clip(notes["onset_s"], 0.0, latest_onset_s))
    notes["offset_s"] = snap(
        np.clip(notes["offset_s"], notes["onset_s"] + tick_s, performance.duration_s)
    )
    return Performance(
        notes=release_before_restrike(notes),
        pedal=performance.pedal if edits.pedal is None else edits.pedal,
        duration_s=performance.duration_s,
    )


def latest_onset(duration_s: float) -> float:
    """Return the last moment at which a note can begin in a window: 5 ms before its end."""
    return duration_s - 0.005


def carry_pedal(
    performance: Performance, onset_shift_s: NDArray[np.float64]
) -> PedalArray | None:
    """Return the pedal moved along with the notes, or None where there is no pedal.

    A movement at time t goes where a note struck at t would go: the shift is interpolated
    between the onsets around it (chords count once, by their mean). Movements keep their
    order and stay inside the window; a position carried in at time 0 stays there.
    """
    pedal = performance.pedal
    if not len(pedal):
        return None
    onsets_s, chord = np.unique(performance.notes["onset_s"], return_inverse=True)
    chord_shift_s = np.bincount(chord, weights=onset_shift_s) / np.bincount(chord)
    carried = pedal.copy()
    moved_s = pedal["time_s"] + np.interp(pedal["time_s"], onsets_s, chord_shift_s)
    moved_s = np.where(pedal["time_s"] > 0, moved_s, 0.0)
    in_order_s = np.maximum.accumulate(np.clip(moved_s, 0.0, performance.duration_s))
    carried["time_s"] = snap(in_order_s)
    return sort_pedal(carried.astype(PEDAL_DTYPE))
