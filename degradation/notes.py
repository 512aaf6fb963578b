"""Notes and pedal of a performance, as sorted, read-only numpy arrays."""

from dataclasses import dataclass
from typing import Self, overload

import numpy as np
from numpy.typing import NDArray

TICKS_PER_S = 20_000
"""Times lie on this grid (50 µs), so that a MIDI file holds them exactly (see `storage.midi`)."""

TICK_S = 1 / TICKS_PER_S
"""One step of the grid, and the shortest note."""

PIANO_PITCHES = range(21, 109)
"""MIDI pitches of the 88 keys, A0 to C8."""

SUSTAIN, SOSTENUTO, SOFT = 64, 66, 67
PEDAL_CONTROLLERS = (SUSTAIN, SOSTENUTO, SOFT)
"""MIDI controller numbers of the three pedals (MIDI 1.0, Control Change messages)."""

PEDAL_DOWN_FROM = 64
"""Value from which a pedal counts as down (MIDI 1.0: 0-63 off, 64-127 on), as in FluidSynth."""

DAMPED_TO = 20
"""CC64 up to which the dampers rest on the strings. No published threshold: of PercePiano's raters,
*sparse-saturated pedal* goes with the share of time above 20 (rho .70), not above 64 (.19)."""

SOFTEST, LOUDEST = 1.0, 127.0
"""Velocities of a MIDI note that sounds."""

NOTE_DTYPE = np.dtype(
    [
        ("note_id", "<i4"),
        ("onset_s", "<f8"),
        ("offset_s", "<f8"),
        ("pitch", "u1"),
        ("velocity", "u1"),
    ]
)
"""A note. `note_id` identifies it through every operation; inserted notes get new ids."""

PEDAL_DTYPE = np.dtype([("time_s", "<f8"), ("controller", "u1"), ("value", "u1")])
"""A pedal movement: `value` runs from 0 (up) to 127 (fully down)."""

NoteArray = NDArray[np.void]
PedalArray = NDArray[np.void]

_FAR_TICKS = 2.0**40
"""More ticks than any performance has (a year and a half); times 127 still exact in a float64."""


def _ticks(time_s: float | NDArray[np.number]) -> NDArray[np.float64]:
    ticks: NDArray[np.float64] = np.rint(np.asarray(time_s, dtype=np.float64) * TICKS_PER_S)
    return ticks


@overload
def snap(time_s: float) -> float: ...
@overload
def snap(time_s: NDArray[np.number]) -> NDArray[np.float64]: ...
def snap(time_s: float | NDArray[np.number]) -> float | NDArray[np.float64]:
    """Return times in seconds moved to the nearest tick of the 50 µs grid."""
    snapped: float | NDArray[np.float64] = _ticks(time_s) / TICKS_PER_S
    return snapped


def latest_onset(duration_s: float) -> float:
    """Return the last moment at which a note can begin in a window: one tick before its end."""
    return snap(duration_s) - TICK_S


def sort_notes(notes: NoteArray) -> NoteArray:
    """Return notes sorted by onset, then pitch, then id."""
    return notes[np.lexsort((notes["note_id"], notes["pitch"], notes["onset_s"]))]


def sort_pedal(pedal: PedalArray) -> PedalArray:
    """Return pedal movements sorted by time; the sort is stable."""
    return pedal[np.argsort(pedal["time_s"], kind="stable")]


def next_strike(pitch: NDArray[np.integer], onset: NDArray[np.number]) -> NDArray[np.float64]:
    """Return when each note's key is struck again, (n,); infinity if never."""
    by_key = np.lexsort((onset, pitch))
    again = pitch[by_key][1:] == pitch[by_key][:-1]
    following = np.full(len(onset), np.inf)
    following[by_key[:-1][again]] = onset[by_key[1:][again]]
    return following


def _within(value: NDArray[np.integer], lowest: int, highest: int) -> bool:
    return bool(((value >= lowest) & (value <= highest)).all())


def find_faults(notes: NoteArray, pedal: PedalArray, duration_s: float) -> list[str]:
    """Return the rules that a performance's arrays break, in words."""
    onset_s, offset_s, moved_s = notes["onset_s"], notes["offset_s"], pedal["time_s"]
    restruck_s = next_strike(notes["pitch"], onset_s)
    rules = {
        "a time is not finite": np.isfinite(np.concatenate([onset_s, offset_s, moved_s])).all(),
        "onsets are not sorted": (np.diff(onset_s) >= 0).all(),
        "an onset lies outside [0, duration)": ((onset_s >= 0) & (onset_s < duration_s)).all(),
        "a note ends before it begins": (offset_s > onset_s).all(),
        "a note id occurs twice": len(np.unique(notes["note_id"])) == len(notes),
        "a velocity lies outside 1-127": _within(notes["velocity"], int(SOFTEST), int(LOUDEST)),
        "a pitch lies outside 21-108": _within(notes["pitch"], PIANO_PITCHES[0], PIANO_PITCHES[-1]),
        "a key is struck while it is held": (offset_s <= restruck_s).all(),
        "pedal movements are not sorted": (np.diff(moved_s) >= 0).all(),
        "a pedal movement lies outside [0, duration]": (
            (moved_s >= 0) & (moved_s <= duration_s)
        ).all(),
        "a pedal value exceeds 127": (pedal["value"] <= 127).all(),
        "a controller is not a pedal": (
            (pedal["controller"][:, None] == PEDAL_CONTROLLERS).any(axis=1).all()
        ),
    }
    return [fault for fault, holds in rules.items() if not holds]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Performance:
    """Notes and pedal of a piece or of a window of one.

    `notes` has `NOTE_DTYPE` and is sorted by onset; `pedal` has `PEDAL_DTYPE` and is sorted
    by time; `duration_s` is the length of the music in seconds. The arrays are read-only.
    Raises ValueError when they break a rule of `find_faults`.
    """

    notes: NoteArray
    pedal: PedalArray
    duration_s: float

    def __post_init__(self) -> None:
        self.checked()
        self.notes.setflags(write=False)
        self.pedal.setflags(write=False)

    def checked(self) -> Self:
        """Return this performance. Raises ValueError when it breaks a rule of `find_faults`."""
        if faults := find_faults(self.notes, self.pedal, self.duration_s):
            raise ValueError(f"not a valid performance: {'; '.join(faults)}")
        return self

    @classmethod
    def unchecked(cls, *, notes: NoteArray, pedal: PedalArray, duration_s: float) -> Self:
        """Return a performance between two steps; the last step's result is to be `checked`."""
        performance = object.__new__(cls)
        for name, value in (("notes", notes), ("pedal", pedal), ("duration_s", duration_s)):
            object.__setattr__(performance, name, value)
        notes.setflags(write=False)
        pedal.setflags(write=False)
        return performance


def release_before_restrike(notes: NoteArray, latest_onset_s: float = np.inf) -> NoteArray:
    """Return sorted notes in which each key is released before it is struck again; none is lost.

    A MIDI channel cannot hold two notes of one pitch. The earlier note ends at the later onset.
    Where both begin on one tick, the later one (by id) moves by a tick; where that would pass
    `latest_onset_s`, the earlier ones move back. Times are snapped to the 50 µs grid, and every
    note lasts a tick or more.
    """
    resolved = notes[np.lexsort((notes["note_id"], notes["onset_s"], notes["pitch"]))]
    pitch, rank = resolved["pitch"], np.arange(len(resolved))
    # All keys on one axis, far apart: a running maximum then never reaches the next key.
    ahead = pitch * _FAR_TICKS - rank
    struck = np.maximum.accumulate(_ticks(resolved["onset_s"]) + ahead) - ahead
    strikes_to_come = np.searchsorted(pitch, pitch, side="right") - 1 - rank
    struck = np.minimum(struck, _ticks(latest_onset_s) - strikes_to_come)
    restruck = np.full(len(pitch), np.inf)
    restruck[:-1] = np.where(pitch[1:] == pitch[:-1], struck[1:], np.inf)
    released = np.minimum(np.maximum(_ticks(resolved["offset_s"]), struck + 1), restruck)
    resolved["onset_s"], resolved["offset_s"] = struck / TICKS_PER_S, released / TICKS_PER_S
    return sort_notes(resolved)


def cut_window(performance: Performance, start_s: float, duration_s: float) -> Performance:
    """Return the notes struck in [start_s, start_s + duration_s), with times relative to its start.

    Note ids are renumbered by onset and pitch; a note that outlasts the window ends with it. A
    pedal that is down when the window starts becomes a movement at time 0.
    """
    start_s, end_s = snap(start_s), snap(start_s + duration_s)
    first, past = np.searchsorted(performance.notes["onset_s"], (start_s, end_s))
    notes = performance.notes[first:past].copy()
    latest_onset_s = latest_onset(duration_s)
    notes["onset_s"] = np.minimum(notes["onset_s"] - start_s, latest_onset_s)
    notes["offset_s"] = np.clip(notes["offset_s"] - start_s, notes["onset_s"] + TICK_S, duration_s)
    resolved = release_before_restrike(notes, latest_onset_s)
    resolved["note_id"] = np.arange(len(resolved))
    return Performance(
        notes=resolved,
        pedal=_cut_pedal(performance.pedal, start_s, end_s),
        duration_s=duration_s,
    )


def _cut_pedal(pedal: PedalArray, start_s: float, end_s: float) -> PedalArray:
    first = np.searchsorted(pedal["time_s"], start_s, side="right")
    past = np.searchsorted(pedal["time_s"], end_s)
    before, inside = pedal[:first], pedal[first:past].copy()
    inside["time_s"] = snap(inside["time_s"] - start_s)
    carried = np.zeros(0, dtype=PEDAL_DTYPE)
    for controller in PEDAL_CONTROLLERS:
        last = before[before["controller"] == controller][-1:]
        carried = np.append(carried, last[last["value"] > 0])
    carried["time_s"] = 0.0
    return np.concatenate([carried, inside])
