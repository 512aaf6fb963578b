"""Hands, touch and inner notes of beginners, measured in the notes."""

from collections.abc import Callable

import numpy as np
import pytest

from degradation.articulation import SHORTEST_PRESS_S, Detached
from degradation.difficulty import DifficultySag, chord_difficulty
from degradation.edits import apply_edits
from degradation.hands import HandLag, HeavyHand, HeavyTouch, find_left_hand
from degradation.melody_bass import chord_onsets
from degradation.notes import Performance
from degradation.operation import NoteOperation
from degradation.seeds import stream
from degradation.timing import UnevenRuns, find_runs
from degradation.wrong_notes import ChordNotesMissed

Assemble = Callable[..., Performance]
Compose = Callable[..., Performance]


@pytest.fixture
def two_hands(assemble: Assemble) -> Performance:
    """A legato scale over held triads, one a second."""
    right = [(n / 4, n / 4 + 0.26, 72 + n % 8, 70) for n in range(32)]
    left = [(n, n + 0.9, pitch, 50) for n in range(8) for pitch in (48, 52, 55)]
    return assemble(sorted(right + left))


def damaged(operation: NoteOperation, clean: Performance, seed: int = 0) -> Performance:
    return apply_edits(clean, operation.draw(clean, stream(seed, operation.operation)))


def by_id(performance: Performance, field: str) -> np.ndarray:
    return np.sort(performance.notes, order="note_id")[field].astype(float)


def test_the_left_hand_is_what_lies_below_the_gap(two_hands: Performance) -> None:
    left = find_left_hand(two_hands.notes)
    assert (two_hands.notes["pitch"][left] < 60).all()
    assert left.sum() == 24


def test_one_line_has_no_second_hand(assemble: Assemble) -> None:
    alone = assemble([(n, n + 0.5, 60, 64) for n in range(8)])
    assert not find_left_hand(alone.notes).any()
    assert not HandLag(lag_s=0.1).can_apply(alone)


def test_one_hand_lags_and_which_is_drawn(two_hands: Performance) -> None:
    before, late_hands = by_id(two_hands, "onset_s"), set()
    left = np.sort(two_hands.notes, order="note_id")["pitch"] < 60
    for seed in range(20):
        late_s = by_id(damaged(HandLag(lag_s=0.1), two_hands, seed), "onset_s") - before
        late_hands.add(bool(late_s[left].any()))
        moved = left if late_s[left].any() else ~left
        assert late_s[moved] == pytest.approx(0.1)
        assert not late_s[~moved].any()
    assert late_hands == {True, False}


def test_a_heavy_hand_is_the_left_alone_and_a_heavy_touch_is_all(two_hands: Performance) -> None:
    before = by_id(two_hands, "velocity")
    left = np.sort(two_hands.notes, order="note_id")["pitch"] < 60
    by = by_id(damaged(HeavyHand(louder_velocity=20), two_hands), "velocity") - before
    assert set(by[left]) == {20}
    assert not by[~left].any()
    everywhere = by_id(damaged(HeavyTouch(louder_velocity=60), two_hands), "velocity")
    assert set(everywhere) == {110, 127}, "no louder than keys can be struck"


def test_legato_notes_are_let_go_early_and_others_are_not(two_hands: Performance) -> None:
    before, after = (
        by_id(p, "offset_s") - by_id(p, "onset_s")
        for p in (two_hands, damaged(Detached(share=0.6), two_hands))
    )
    scale = np.sort(two_hands.notes, order="note_id")["pitch"] >= 60
    assert after[scale][:-1] == pytest.approx(0.4 * before[scale][:-1], abs=1e-4)
    short = damaged(Detached(share=0.9), two_hands)
    assert (by_id(short, "offset_s") - by_id(short, "onset_s")).min() >= SHORTEST_PRESS_S - 1e-9


def test_what_is_detached_already_stays(assemble: Assemble) -> None:
    apart = assemble([(n, n + 0.5, 60, 64) for n in range(8)])
    assert not Detached(share=0.1).can_apply(apart)
    assert np.array_equal(damaged(Detached(share=0.8), apart).notes, apart.notes)


def test_notes_missed_are_inside_chords(two_hands: Performance) -> None:
    missed = damaged(ChordNotesMissed(share=0.5), two_hands)
    gone = np.setdiff1d(two_hands.notes["note_id"], missed.notes["note_id"])
    pitch_of = dict(zip(two_hands.notes["note_id"], two_hands.notes["pitch"], strict=True))
    assert len(gone) == 8
    # With the scale's notes struck together, the triads' upper two lie inside.
    assert {int(pitch_of[note]) for note in gone} <= {52, 55}


def test_every_other_note_of_a_run_limps(two_hands: Performance, compose: Compose) -> None:
    assert find_runs(chord_onsets(two_hands.notes["onset_s"])) == [(0, 32)]
    limping = damaged(UnevenRuns(share=0.4), two_hands)
    scale = np.sort(two_hands.notes, order="note_id")["pitch"] >= 60
    late_s = (by_id(limping, "onset_s") - by_id(two_hands, "onset_s"))[scale]
    assert set(np.round(late_s, 4)) == {0.0, 0.1}
    assert np.abs(np.diff(late_s[2:-2])) == pytest.approx(0.1)
    assert not UnevenRuns(share=0.4).can_apply(compose(0)), "random music has no runs"


def test_tempo_sags_where_it_is_hard(assemble: Assemble) -> None:
    """Easy steps, then wide leaps of thick chords, evenly in time."""
    easy = [(n / 2, n / 2 + 0.4, 60 + n % 3, 64) for n in range(10)]
    hard = [
        (5 + n / 2, 5 + n / 2 + 0.4, pitch + 24 * (n % 2), 64)
        for n in range(10)
        for pitch in (40, 45, 49, 52)
    ]
    clean = assemble(easy + hard)
    assert chord_difficulty(clean.notes)[11:].min() > chord_difficulty(clean.notes)[1:9].max()
    sagged = np.diff(chord_onsets(damaged(DifficultySag(share=0.2), clean).notes["onset_s"]))
    assert sagged[2:8].max() < 0.5 < sagged[11:17].min()
    even = assemble([(n / 2, n / 2 + 0.4, 60, 64) for n in range(20)])
    assert not DifficultySag(share=0.2).can_apply(even)
