from collections.abc import Callable

import numpy as np
import pytest

from degradation.edits import apply_edits
from degradation.notes import Performance
from degradation.seeds import stream
from degradation.timing import Hesitation, lengthen_intervals

Assemble = Callable[..., Performance]


@pytest.fixture
def chords(assemble: Assemble) -> Performance:
    """Twenty chords of three notes in an uneven rhythm, legato, a pedal change at each."""
    onset_s = np.concatenate([[0.3], 0.3 + np.cumsum([0.3, 0.6] * 9 + [0.3])])
    notes = [
        (onset, onset + gap, 48 + (n % 2) + 5 * k, 64)
        for n, (onset, gap) in enumerate(zip(onset_s, np.diff(onset_s, append=9.5), strict=True))
        for k in range(3)
    ]
    return assemble(notes, [(onset + 0.05, 64, 100 * (n % 2)) for n, onset in enumerate(onset_s)])


def intervals(notes: np.ndarray) -> np.ndarray:
    return np.diff(np.unique(notes["onset_s"]))


@pytest.mark.parametrize("pause_share", [0.06, 0.5, 2.0])
def test_chosen_intervals_grow_by_the_pause_and_the_others_stay_alike(
    chords: Performance, pause_share: float
) -> None:
    for seed in range(10):
        operation = Hesitation(share=0.2, pause_share=pause_share)
        paused = apply_edits(chords, operation.draw(chords, stream(seed, "h")))
        ratio = intervals(paused.notes) / intervals(chords.notes)
        longer = ratio > ratio.min() * (1 + pause_share / 2)
        assert longer.sum() in (3, 4), "a fifth of 19 intervals"
        assert ratio[~longer] == pytest.approx(ratio.min(), rel=0.002)
        assert ratio[longer] == pytest.approx(ratio.min() * (1 + pause_share), rel=0.002)


def test_nothing_falls_out_of_the_window_and_chords_stay_together(chords: Performance) -> None:
    operation = Hesitation(share=0.5, pause_share=2.0)
    paused = apply_edits(chords, operation.draw(chords, stream(0, "h")))
    assert len(paused.notes) == len(chords.notes)
    assert len(np.unique(paused.notes["onset_s"])) == 20
    assert paused.duration_s == chords.duration_s
    in_id_order = np.sort(paused.notes, order="note_id")
    joined = in_id_order["offset_s"][:-3] - in_id_order["onset_s"][3:]
    assert joined == pytest.approx(0, abs=2e-4), "keys are held through a pause"
    since = np.searchsorted(np.unique(paused.notes["onset_s"]), paused.pedal["time_s"])
    assert since.tolist() == list(range(1, 21))


def test_a_window_that_is_said_to_falter_does(assemble: Assemble) -> None:
    few = assemble([(n, n + 0.5, 60, 64) for n in range(4)])
    for seed in range(20):
        edits = Hesitation(share=0.01, pause_share=0.5).draw(few, stream(seed, "h"))
        assert len(edits.notes) > 0


def test_one_chord_has_no_interval_to_lengthen(assemble: Assemble) -> None:
    operation = Hesitation(share=0.5, pause_share=1)
    lone = assemble([(1.0, 2.0, 60, 64), (1.01, 2.0, 64, 64)])
    assert not operation.can_apply(lone)
    assert len(operation.draw(lone, stream(0, "h")).notes) == 0
    assert operation.can_apply(assemble([(1.0, 2.0, 60, 64), (1.5, 2.0, 64, 64)]))


def test_the_window_makes_room_for_the_pauses() -> None:
    points_s, moved_s = lengthen_intervals(np.array([1.0, 2.0, 4.0]), np.array([0.0, 1.0]), 8.0)
    assert points_s.tolist() == [0.0, 1.0, 2.0, 4.0, 8.0]
    assert moved_s == pytest.approx(np.array([0.0, 1.0, 2.0, 6.0, 10.0]) * 0.8)
