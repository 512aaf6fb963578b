"""Playing that stops, goes back and corrects itself, measured in the notes."""

from collections.abc import Callable

import numpy as np
import pytest

from degradation.degrade import damage_notes, replay_notes
from degradation.difficulty import chord_difficulty
from degradation.edits import Change, apply_edits
from degradation.halting import MOST_INSERTED, CorrectedNotes, GoingBack, Halting, SlowPace
from degradation.notes import Performance
from degradation.operation import NoteOperation
from degradation.seeds import stream

Assemble = Callable[..., Performance]
Compose = Callable[..., Performance]


@pytest.fixture
def steps(assemble: Assemble) -> Performance:
    """Single notes, two a second for seven seconds, the pedal down from 1 s to 6 s."""
    pitches = [60, 62, 64, 65, 67, 65, 64, 62, 84, 62, 64, 65, 67, 65]
    notes = [(n / 2, n / 2 + 0.45, pitch, 64) for n, pitch in enumerate(pitches)]
    return assemble(notes, [(1.0, 64, 127), (6.0, 64, 0)])


def damaged(operation: NoteOperation, clean: Performance, seed: int) -> Performance:
    return apply_edits(clean, operation.draw(clean, stream(seed, operation.operation)))


def gaps_s(performance: Performance) -> np.ndarray:
    return np.diff(performance.notes["onset_s"])


def test_a_halt_lengthens_one_interval_and_keeps_the_pace(steps: Performance) -> None:
    stops = []
    for seed in range(40):
        halted = damaged(Halting(share=0.01, stop_s=1), steps, seed)
        longer = gaps_s(halted) > 0.5 + 1e-6
        assert longer.sum() == 1, "one stop, and everything else as quick as before"
        stops.append(float(gaps_s(halted)[longer][0]) - 0.5)
    assert np.median(stops) == pytest.approx(1, rel=0.2)
    assert max(stops) / min(stops) > 2, "stops are not all alike"


def test_the_pedal_waits_with_the_music(steps: Performance) -> None:
    halted = damaged(Halting(share=0.01, stop_s=1), steps, 1)
    stop = int(np.argmax(gaps_s(halted))) + 1
    lasts_s = halted.notes["onset_s"][stop] - steps.notes["onset_s"][stop]
    lifted_s = 6.0 + (lasts_s if steps.notes["onset_s"][stop] <= 6.0 else 0.0)
    assert halted.pedal["time_s"][1] == pytest.approx(lifted_s, abs=1e-4)


def test_a_slow_pace_stretches_all_times_alike_and_cuts_what_leaves_the_window(
    steps: Performance,
) -> None:
    slow = damaged(SlowPace(share=1), steps, 0)
    kept = len(slow.notes)
    assert gaps_s(slow) == pytest.approx(np.full(kept - 1, 1.0), abs=1e-4)
    held_s = (slow.notes["offset_s"] - slow.notes["onset_s"])[:-1]
    assert held_s == pytest.approx(np.full(kept - 1, 0.9), abs=1e-3), "keys are held longer, too"
    assert slow.pedal["time_s"][0] == pytest.approx(2.0)
    edits = SlowPace(share=1).draw(steps, stream(0, "slow_pace")).notes
    assert (edits["change"] == Change.CUT).sum() == len(steps.notes) - kept > 0


def test_halts_come_before_hard_places(steps: Performance) -> None:
    hard = int(np.argmax(chord_difficulty(steps.notes)))
    assert steps.notes["pitch"][hard] in (84, 62), "the leap of an octave and a half"
    before = [
        int(np.argmax(gaps_s(damaged(Halting(share=0.01, stop_s=1), steps, seed)))) + 1
        for seed in range(300)
    ]
    counts = np.bincount(before, minlength=14)
    assert counts[[8, 9]].mean() > 2 * np.delete(counts, [0, 8, 9]).mean()
    assert counts[0] == 0


def test_what_is_pushed_out_of_the_window_is_cut_and_said_so(steps: Performance) -> None:
    for seed in range(20):
        edits = Halting(share=0.3, stop_s=2).draw(steps, stream(seed, "halting"))
        halted = apply_edits(steps, edits)
        cut = edits.notes["note_id"][edits.notes["change"] == Change.CUT]
        assert set(halted.notes["note_id"]) == set(steps.notes["note_id"]) - set(cut)
        assert Change.MISSED not in edits.notes["change"]
        inserted_s = gaps_s(halted).sum() - 0.5 * len(gaps_s(halted))
        assert inserted_s <= MOST_INSERTED * steps.duration_s + 1e-6


def test_going_back_plays_the_last_chords_again(steps: Performance) -> None:
    heard = 0
    for seed in range(40):
        back = damaged(GoingBack(share=0.05, reach_chords=3), steps, seed)
        again = back.notes[back.notes["note_id"] >= len(steps.notes)]
        if not len(again):
            continue
        heard += 1
        assert 1 <= len(again) <= 3
        pitches = back.notes["pitch"].tolist()
        first = int(np.searchsorted(back.notes["onset_s"], again["onset_s"][0]))
        count = len(again)
        assert pitches[first : first + count] == pitches[first - count : first]
        assert np.diff(again["onset_s"]) == pytest.approx(0.5), "at the pace of the first time"
        assert 0.2 <= again["onset_s"][0] - back.notes["onset_s"][first - 1] - 0.5 <= 0.7 + 1e-6
    assert heard > 15


def test_a_corrected_note_is_a_near_key_and_then_the_right_one(steps: Performance) -> None:
    heard = 0
    for seed in range(30):
        mended = damaged(CorrectedNotes(share=0.08), steps, seed)
        for wrong in mended.notes[mended.notes["note_id"] >= len(steps.notes)]:
            heard += 1
            after = mended.notes[mended.notes["onset_s"] > wrong["onset_s"]]
            right = after[0]
            assert 0 < abs(int(right["pitch"]) - int(wrong["pitch"])) <= 4
            assert 0.15 <= right["onset_s"] - wrong["onset_s"] <= 0.45
            assert wrong["offset_s"] <= right["onset_s"]
    assert heard > 15


def test_a_stronger_fault_contains_the_weaker_one(compose: Compose) -> None:
    """With one stream more stops, returns and corrections come on top of those before."""
    for make in (
        lambda share: GoingBack(share=share, reach_chords=4),
        lambda share: CorrectedNotes(share=share),
    ):
        extra = []
        for share in (0.02, 0.05, 0.1):
            drawn = make(share).draw(compose(1), stream(2, "same"))
            extra.append(int((drawn.notes["change"] == Change.EXTRA).sum()))
        assert extra == sorted(extra)


@pytest.mark.parametrize(
    "operation",
    [
        Halting(share=0.1, stop_s=1.5),
        GoingBack(share=0.1, reach_chords=4),
        CorrectedNotes(share=0.1),
    ],
    ids=lambda operation: operation.operation,
)
def test_stored_edits_give_the_same_playing(operation: NoteOperation, compose: Compose) -> None:
    for seed in range(10):
        clean = compose(seed)
        made = damage_notes(clean, [operation], lambda name: stream(3, name))
        again = replay_notes(clean, list(made.edits.values()))
        assert np.array_equal(again.notes, made.performance.notes)
        assert np.array_equal(again.pedal, made.performance.pedal)
