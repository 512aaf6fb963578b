"""How each note of a performance changed, found by comparing the notes before and after."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from degradation.counted import counted
from degradation.notes import NoteArray

MOVED_BEYOND_S = 0.010
"""Onsets that shift by more count as moved (Friberg & Sundberg 1992: just noticeable)."""


class NoteChange(StrEnum):
    """The kinds of change. A note has one: a wrong pitch takes precedence over a moved onset."""

    KEPT = "kept"
    MOVED = "moved"
    WRONG = "wrong"
    MISSED = "missed"
    EXTRA = "extra"


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedNote:
    """One note before and after, as rows of `NOTE_DTYPE`.

    `before` is None for an extra note, `after` is None for a missed one.
    """

    before: np.void | None
    after: np.void | None

    @property
    def shift_s(self) -> float:
        """How much later the note starts, in seconds; 0 where one side is missing."""
        if self.before is None or self.after is None:
            return 0.0
        return float(self.after["onset_s"] - self.before["onset_s"])

    @property
    def change(self) -> NoteChange:
        """The kind of change."""
        if self.before is None:
            return NoteChange.EXTRA
        if self.after is None:
            return NoteChange.MISSED
        if self.before["pitch"] != self.after["pitch"]:
            return NoteChange.WRONG
        # Times lie on a 50 µs grid; half a tick counts a shift of exactly 10 ms as kept.
        return NoteChange.MOVED if abs(self.shift_s) > MOVED_BEYOND_S + 25e-6 else NoteChange.KEPT


def follow_notes(clean: NoteArray, degraded: NoteArray) -> tuple[FollowedNote, ...]:
    """Return every note of either array once, matched by `note_id`, in order of onset."""
    before = {int(note["note_id"]): note for note in clean}
    after = {int(note["note_id"]): note for note in degraded}
    played = before | after
    by_onset = sorted(played, key=lambda note_id: float(played[note_id]["onset_s"]))
    return tuple(FollowedNote(before=before.get(n), after=after.get(n)) for n in by_onset)


def describe_changes(clean: NoteArray, degraded: NoteArray) -> tuple[str, ...]:
    """Return in words how two sets of notes differ: slips, stray onsets, spread of velocity."""
    facts = [_describe_slips(follow_notes(clean, degraded), len(clean))]
    _, in_clean, in_degraded = np.intersect1d(
        clean["note_id"], degraded["note_id"], assume_unique=True, return_indices=True
    )
    before, after = clean[in_clean], degraded[in_degraded]
    if not len(before):
        return tuple(facts)
    shift_ms = 1000 * (after["onset_s"] - before["onset_s"])
    facts.append(
        f"onsets stray by {shift_ms.std():.0f} ms (standard deviation)"
        if shift_ms.any()
        else "every onset as it was"
    )
    if (before["velocity"] == after["velocity"]).all():
        facts.append("every velocity as it was")
    elif (spread := before["velocity"].std()) > 0:
        facts.append(f"spread of velocity × {after['velocity'].std() / spread:.2f}")
    return tuple(facts)


def _describe_slips(followed: tuple[FollowedNote, ...], clean_count: int) -> str:
    count = Counter(one.change for one in followed)
    kinds = {NoteChange.WRONG: "wrong", NoteChange.MISSED: "missed", NoteChange.EXTRA: "added"}
    slips = [f"{count[kind]} {word}" for kind, word in kinds.items() if count[kind]]
    return f"{counted(clean_count, 'note')}: {', '.join(slips) or 'none wrong, missed or added'}"
