"""Notes and pedal of one performance, as sorted and read-only numpy arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TICKS_PER_S = 20_000
"""Times lie on this grid (50 µs), so that a MIDI file holds them exactly (see `storage.midi`)."""

PIANO_PITCHES = range(21, 109)
"""MIDI pitches of the 88 keys, A0 to C8."""

SUSTAIN, SOSTENUTO, SOFT = 64, 66, 67
PEDAL_CONTROLLERS = (SUSTAIN, SOSTENUTO, SOFT)
"""MIDI controller numbers of the three pedals (MIDI 1.0, Control Change messages)."""

NOTE_DTYPE = np.dtype(
    [
        ("note_id", "<i4"),
        ("onset_s", "<f8"),
        ("offset_s", "<f8"),
        ("pitch", "u1"),
        ("velocity", "u1"),
    ]
)
"""A note. `note_id` follows it through every operation; inserted notes get new ids."""

PEDAL_DTYPE = np.dtype([("time_s", "<f8"), ("controller", "u1"), ("value", "u1")])
"""A pedal movement: `value` 0 is up, 127 fully down, and 64 half-way (continuous pedalling)."""

NoteArray = NDArray[np.void]
PedalArray = NDArray[np.void]


def snap(time_s: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Return times in seconds moved to the nearest tick of the 50 µs grid."""
    return np.rint(np.asarray(time_s) * TICKS_PER_S) / TICKS_PER_S


def sort_notes(notes: NoteArray) -> NoteArray:
    """Return notes in the one order used everywhere: onset, then pitch, then id."""
    return notes[np.lexsort((notes["note_id"], notes["pitch"], notes["onset_s"]))]


def sort_pedal(pedal: PedalArray) -> PedalArray:
    """Return pedal movements in order of time; those at one time keep their order."""
    return pedal[np.argsort(pedal["time_s"], kind="stable")]


def find_faults(notes: NoteArray, pedal: PedalArray, duration_s: float) -> list[str]:
    """Return what is wrong with a performance's arrays, in words; nothing when it is sound."""
    onset_s, offset_s = notes["onset_s"], notes["offset_s"]
    same_key = np.lexsort((onset_s, notes["pitch"]))
    pitch, struck_s, released_s = notes["pitch"][same_key], onset_s[same_key], offset_s[same_key]
    times = (onset_s, offset_s, pedal["time_s"])
    rules = {
        "a time is not finite": all(np.isfinite(time_s).all() for time_s in times),
        "onsets are not sorted": bool((np.diff(onset_s) >= 0).all()),
        "an onset lies outside [0, duration)": bool(
            ((onset_s >= 0) & (onset_s < max(duration_s, 1e-9))).all()
        ),
        "a note ends before it begins": bool((offset_s > onset_s).all()),
        "a note id occurs twice": len(np.unique(notes["note_id"])) == len(notes),
        "a velocity lies outside 1-127": bool(
            ((notes["velocity"] >= 1) & (notes["velocity"] <= 127)).all()
        ),
        "a pitch lies outside 21-108": bool(
            ((notes["pitch"] >= 21) & (notes["pitch"] <= 108)).all()
        ),
        "a key is struck while it is held": bool(
            ((pitch[1:] != pitch[:-1]) | (struck_s[1:] >= released_s[:-1])).all()
        ),
        "pedal movements are not sorted": bool((np.diff(pedal["time_s"]) >= 0).all()),
        "a pedal value exceeds 127": bool((pedal["value"] <= 127).all()),
        "a controller is no pedal": bool(np.isin(pedal["controller"], PEDAL_CONTROLLERS).all()),
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
        if faults := find_faults(self.notes, self.pedal, self.duration_s):
            raise ValueError(f"not a sound performance: {'; '.join(faults)}")
        self.notes.setflags(write=False)
        self.pedal.setflags(write=False)


def release_before_restrike(notes: NoteArray) -> NoteArray:
    """Return sorted notes in which a key is let go before it is struck again; none is lost.

    A piano key can't sound twice at once, nor can a MIDI channel hold two notes of one pitch.
    The earlier note is cut at the later onset; where both begin on one tick, the later one
    (by id) moves a tick on.
    """
    resolved = sort_notes(notes)
    by_key = np.lexsort((resolved["note_id"], resolved["onset_s"], resolved["pitch"]))
    tick_s = 1 / TICKS_PER_S
    for earlier, later in zip(by_key[:-1], by_key[1:], strict=True):
        if resolved["pitch"][earlier] != resolved["pitch"][later]:
            continue
        first_s = resolved["onset_s"][earlier] + tick_s
        if resolved["onset_s"][later] < first_s - tick_s / 2:
            resolved["onset_s"][later] = snap(first_s)
        resolved["offset_s"][later] = max(
            resolved["offset_s"][later], snap(resolved["onset_s"][later] + tick_s)
        )
        resolved["offset_s"][earlier] = min(
            resolved["offset_s"][earlier], resolved["onset_s"][later]
        )
    return sort_notes(resolved)


def cut_window(performance: Performance, start_s: float, duration_s: float) -> Performance:
    """Return the notes struck in [start_s, start_s + duration_s), with times from its start.

    Notes are numbered anew, by onset and pitch; one that outlasts the window is cut at its end.
    A pedal that is down when the window opens is carried in as a movement at time 0.
    """
    end_s = start_s + duration_s
    struck = (performance.notes["onset_s"] >= start_s) & (performance.notes["onset_s"] < end_s)
    notes = performance.notes[struck].copy()
    tick_s = 1 / TICKS_PER_S
    latest_onset_s = snap(duration_s) - tick_s
    notes["onset_s"] = np.minimum(snap(notes["onset_s"] - start_s), latest_onset_s)
    notes["offset_s"] = np.clip(
        snap(notes["offset_s"] - start_s), notes["onset_s"] + tick_s, duration_s
    )
    moved = performance.pedal
    inside = moved[(moved["time_s"] > start_s) & (moved["time_s"] < end_s)].copy()
    inside["time_s"] = snap(inside["time_s"] - start_s)
    carried = np.array(
        [
            (0.0, controller, past["value"][-1])
            for controller in PEDAL_CONTROLLERS
            if len(past := moved[(moved["time_s"] <= start_s) & (moved["controller"] == controller)])
            and past["value"][-1] > 0
        ],
        dtype=PEDAL_DTYPE,
    )
    resolved = release_before_restrike(notes)
    resolved["note_id"] = np.arange(len(resolved))
    return Performance(
        notes=resolved,
        pedal=np.concatenate([carried, inside]),
        duration_s=duration_s,
    )
