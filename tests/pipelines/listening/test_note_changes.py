from collections import Counter

import numpy as np
import pytest

from degradation.notes import NOTE_DTYPE, Performance
from pipelines.listening.note_changes import NoteChange, describe_changes, follow_notes


def test_each_note_of_either_side_is_followed_once(
    clean: Performance, degraded: Performance
) -> None:
    followed = follow_notes(clean.notes, degraded.notes)
    assert Counter(one.change for one in followed) == {
        NoteChange.KEPT: 5,
        NoteChange.MOVED: 1,
        NoteChange.WRONG: 1,
        NoteChange.MISSED: 1,
        NoteChange.EXTRA: 1,
    }
    before = [one.before["note_id"] for one in followed if one.before is not None]
    after = [one.after["note_id"] for one in followed if one.after is not None]
    assert sorted(before) == sorted(clean.notes["note_id"])
    assert sorted(after) == sorted(degraded.notes["note_id"])


def test_the_order_of_the_notes_does_not_matter(clean: Performance, degraded: Performance) -> None:
    followed = follow_notes(clean.notes, degraded.notes)
    turned = follow_notes(clean.notes[::-1], degraded.notes[::-1])
    assert [(one.change, one.shift_s) for one in followed] == [
        (one.change, one.shift_s) for one in turned
    ]


def test_nothing_happened_to_equal_notes(clean: Performance) -> None:
    followed = follow_notes(clean.notes, clean.notes.copy())
    assert {one.change for one in followed} == {NoteChange.KEPT}
    assert describe_changes(clean.notes, clean.notes.copy()) == (
        "8 notes: none wrong, missed or added",
        "every onset as it was",
        "every velocity as it was",
    )


@pytest.mark.parametrize(
    ("shift_s", "change"),
    [
        (0.010, NoteChange.KEPT),
        (-0.010, NoteChange.KEPT),
        (0.01005, NoteChange.MOVED),
        (-0.02, NoteChange.MOVED),
    ],
)
def test_ten_milliseconds_is_where_moved_begins(
    clean: Performance, shift_s: float, change: NoteChange
) -> None:
    later = clean.notes.copy()
    later["onset_s"][3] += shift_s
    (one,) = (one for one in follow_notes(clean.notes, later) if one.shift_s)
    assert one.change is change
    assert one.shift_s == pytest.approx(shift_s)


def test_the_words_tell_what_was_measured(clean: Performance, degraded: Performance) -> None:
    softer = degraded.notes.copy()
    kept = softer["note_id"] < 100
    softer["velocity"][kept] = np.rint(75 + (softer["velocity"][kept] - 75.0) * 0.6)
    slips, onsets, velocities = describe_changes(clean.notes, softer)
    assert slips == "8 notes: 1 wrong, 1 missed, 1 added"
    assert onsets == "onsets stray by 10 ms (standard deviation)"  # 30 ms × √(1/7 − 1/49)
    assert velocities == "spread of velocity × 0.60"


def test_no_notes_are_described_too(clean: Performance) -> None:
    none = np.zeros(0, dtype=NOTE_DTYPE)
    assert describe_changes(none, none) == ("0 notes: none wrong, missed or added",)
    assert describe_changes(clean.notes[:1], none) == ("1 note: 1 missed",)
