"""Timing operations: jitter, drift and pauses do what was asked, and no more."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from degradation.edits import Edits, apply_edits
from degradation.notes import NoteArray, Performance
from degradation.seeds import stream
from degradation.timing import (
    ChordJitter,
    Hesitation,
    OnsetJitter,
    TempoDrift,
    lengthen_intervals,
    stretch_time,
    wander,
    warp_time,
)

Compose = Callable[..., Performance]

SPREADS_S = (0.010, 0.030, 0.060)
"""Those of recipe `phase2`."""


def jittered(clean: Performance, spread_s: float, name: str) -> tuple[Edits, NoteArray, NoteArray]:
    """The edits, and the clean and the damaged notes in order of id."""
    edits = OnsetJitter(spread_s=spread_s).draw(clean, stream(0, "jitter", name))
    damaged = apply_edits(clean, edits).notes
    return edits, np.sort(clean.notes, order="note_id"), np.sort(damaged, order="note_id")


def shifts_ms(windows: Sequence[Performance], spread_s: float) -> NDArray[np.float64]:
    found = []
    for at, clean in enumerate(windows):
        _, before, after = jittered(clean, spread_s, str(at))
        found.append(1000 * (after["onset_s"] - before["onset_s"]))
    return np.concatenate(found)


@pytest.mark.parametrize("spread_s", SPREADS_S)
def test_the_spread_is_the_one_asked_for(corpus: list[Performance], spread_s: float) -> None:
    shift_ms = shifts_ms(corpus, spread_s)
    assert len(shift_ms) == 10_000
    assert shift_ms.std() == pytest.approx(1000 * spread_s, rel=0.05)
    assert abs(shift_ms.mean()) < 3.3 * 1000 * spread_s / np.sqrt(len(shift_ms))
    within_one = np.mean(np.abs(shift_ms) < 1000 * spread_s)
    assert within_one == pytest.approx(0.683, abs=0.02), "the shifts are Gaussian"


@pytest.mark.real_data
@pytest.mark.parametrize("spread_s", SPREADS_S)
def test_the_spread_is_the_one_asked_for_on_real_windows(
    maestro_windows: list[Performance], spread_s: float
) -> None:
    shift_ms = shifts_ms(maestro_windows, spread_s)
    assert len(shift_ms) > 3000
    assert shift_ms.std() == pytest.approx(1000 * spread_s, rel=0.05)


@pytest.mark.parametrize("seed", range(10))
def test_pitch_and_velocity_stay_and_the_length_too_but_where_it_must_be_cut(
    compose: Compose, seed: int
) -> None:
    clean = compose(seed)
    _, before, after = jittered(clean, 0.06, "t")
    assert np.array_equal(after["pitch"], before["pitch"])
    assert np.array_equal(after["velocity"], before["velocity"])
    length_s = before["offset_s"] - before["onset_s"]
    changed = np.abs(after["offset_s"] - after["onset_s"] - length_s) > 1e-9
    for note in after[changed]:
        same_key = after[after["pitch"] == note["pitch"]]
        struck_again = (same_key["onset_s"] == note["offset_s"]).any()
        assert struck_again or note["offset_s"] == clean.duration_s
    assert changed.mean() < 0.2


def test_the_edits_say_by_how_much_each_note_moved(compose: Compose) -> None:
    edits, before, after = jittered(compose(4), 0.03, "t")
    assert set(edits.notes["note_id"]) <= set(before["note_id"])
    told_s = np.zeros(len(before))
    told_s[np.searchsorted(before["note_id"], edits.notes["note_id"])] = edits.notes[
        "onset_shift_s"
    ]
    moved_s = after["onset_s"] - before["onset_s"]
    off = np.abs(moved_s - told_s) > 1e-9
    assert off.mean() < 0.03, "but for notes that met on one key"
    assert np.abs(moved_s - told_s).max() < 0.001


def test_the_pedal_moves_along(compose: Compose) -> None:
    clean = compose(6)
    edits, _, _ = jittered(clean, 0.06, "t")
    moved = apply_edits(clean, edits).pedal
    assert edits.pedal is not None
    assert not np.array_equal(moved["time_s"], clean.pedal["time_s"])
    assert np.array_equal(moved[["controller", "value"]], clean.pedal[["controller", "value"]])
    assert (np.diff(moved["time_s"]) >= 0).all()
    assert (moved["time_s"][clean.pedal["time_s"] == 0] == 0).all()


def strays_ms(clean: Performance, operation: ChordJitter, name: str) -> NDArray[np.float64]:
    damaged = apply_edits(clean, operation.draw(clean, stream(0, "chords", name))).notes
    before, after = (np.sort(notes, order="note_id") for notes in (clean.notes, damaged))
    return 1000 * (after["onset_s"] - before["onset_s"])


@pytest.mark.parametrize("spread_s", SPREADS_S)
@pytest.mark.parametrize("apart_share", [0.0, 0.4, 1.0])
def test_every_window_strays_by_the_spread_asked_for(
    corpus: list[Performance], spread_s: float, apart_share: float
) -> None:
    operation = ChordJitter(spread_s=spread_s, apart_share=apart_share)
    for at, clean in enumerate(corpus[:30]):
        shift_ms = strays_ms(clean, operation, str(at))
        assert np.sqrt(np.mean(shift_ms**2)) == pytest.approx(1000 * spread_s, rel=0.12)
        assert shift_ms.min() < 0 < shift_ms.max()


@pytest.mark.parametrize("apart_share", [0.0, 0.3, 0.8])
def test_a_chord_strays_together_and_its_notes_apart_by_their_share(
    assemble: Callable[..., Performance], apart_share: float
) -> None:
    chords = [(0.4 * n + 0.2, 0.4 * n + 0.5, 48 + 4 * k, 60) for n in range(24) for k in range(4)]
    clean = assemble(chords)
    found = np.concatenate(
        [
            strays_ms(clean, ChordJitter(spread_s=0.03, apart_share=apart_share), str(n))
            for n in range(40)
        ]
    ).reshape(-1, 4)
    apart_ms = np.sqrt(np.mean(found.var(axis=1, ddof=1)))
    assert apart_ms == pytest.approx(30 * apart_share, rel=0.05, abs=0.1)
    assert found.std() == pytest.approx(30, rel=0.01)


def test_a_chord_at_the_edge_stays_a_chord(assemble: Callable[..., Performance]) -> None:
    clean = assemble([(0.0, 0.5, 60 + 4 * k, 60) for k in range(3)] + [(5.0, 5.5, 40, 60)])
    for name in "abcdefgh":
        shift_ms = strays_ms(clean, ChordJitter(spread_s=0.05, apart_share=0.0), name)
        assert len(np.unique(shift_ms[:3])) == 1
        assert shift_ms[0] > 0


def test_strays_grow_in_proportion(compose: Compose) -> None:
    """With one stream, twice the spread moves each note twice as far, but at the edges."""
    clean = compose(0)
    small, large = (
        strays_ms(clean, ChordJitter(spread_s=spread_s, apart_share=0.4), "x")
        for spread_s in (0.01, 0.02)
    )
    assert np.mean(np.abs(large - 2 * small) < 0.11) > 0.95


Assemble = Callable[..., Performance]


def test_no_stretch_moves_nothing(compose: Callable[..., Performance]) -> None:
    clean = compose(0)
    edits = warp_time(clean, stretch_time(np.zeros_like, clean.duration_s))
    assert len(edits.notes) == 0
    assert np.array_equal(apply_edits(clean, edits).pedal, clean.pedal)


def test_the_window_keeps_its_length_whatever_the_tempo() -> None:
    ends_s = np.array([0.0, 10.0])
    for slope in (-0.2, 0.0, 0.2):
        time_map = stretch_time(lambda time_s, slope=slope: 3 + slope * time_s, 10.0)
        assert time_map(ends_s) == pytest.approx(ends_s)
        assert (np.diff(time_map(np.linspace(0, 10, 500))) > 0).all()


def test_the_stretch_is_the_one_asked_for() -> None:
    """Twice as slow in the second half as in the first: a third and two thirds of the window."""
    time_map = stretch_time(lambda time_s: np.log(2) * (time_s > 5), 10.0)
    assert time_map(np.array([5.0]))[0] == pytest.approx(10 / 3, abs=0.005)


def test_notes_lengths_and_pedal_go_along(assemble: Assemble) -> None:
    clean = assemble([(1.0, 2.0, 60, 64), (4.0, 6.0, 62, 64)], [(2.5, 64, 100), (4.0, 64, 0)])
    bent = apply_edits(clean, warp_time(clean, lambda time_s: time_s / 2))
    assert bent.notes["onset_s"].tolist() == [0.5, 2.0]
    assert bent.notes["offset_s"].tolist() == [1.0, 3.0]
    assert bent.pedal["time_s"].tolist() == [1.25, 2.0]


@pytest.fixture
def pulse(assemble: Assemble) -> Performance:
    """An even pulse of ten notes a second, each held for half of its interval."""
    return assemble([(0.1 * n, 0.1 * n + 0.05, 60 + n % 3, 64) for n in range(100)])


def log_tempo(clean: Performance, share: float, seed: int) -> np.ndarray:
    operation = TempoDrift(share=share, timescale_s=4)
    bent = apply_edits(clean, operation.draw(clean, stream(seed, "drift"))).notes
    return np.log(np.diff(bent["onset_s"]) / np.diff(clean.notes["onset_s"]))


@pytest.mark.parametrize("duration_s", [2.0, 10.0, 60.0])
def test_the_course_has_unit_spread_no_mean_and_only_slow_waves(duration_s: float) -> None:
    grid_s = np.linspace(0, duration_s, 20_001)
    for seed in range(5):
        course = wander(stream(seed, "w"), duration_s, 4.0)(grid_s)
        assert course.mean() == pytest.approx(0, abs=1e-3)
        assert course.std() == pytest.approx(1, abs=1e-3)
        crossings = np.count_nonzero(np.diff(np.sign(course)))
        assert crossings <= max(duration_s / 2, 1), "a period of 4 s crosses zero every 2 s"


@pytest.mark.parametrize("share", [0.03, 0.24])
def test_every_window_wanders_by_the_share_asked_for(pulse: Performance, share: float) -> None:
    for seed in range(10):
        assert log_tempo(pulse, share, seed).std() == pytest.approx(share, rel=0.03)


def test_twice_the_share_bends_the_tempo_twice_as_far(pulse: Performance) -> None:
    small, large = (log_tempo(pulse, share, 0) for share in (0.05, 0.1))
    assert large - large.mean() == pytest.approx(2 * (small - small.mean()), abs=0.003)


def test_the_order_of_notes_and_their_joining_stay(compose: Callable[..., Performance]) -> None:
    clean = compose(3)
    bent = apply_edits(clean, TempoDrift(share=0.3, timescale_s=1).draw(clean, stream(0, "drift")))
    order = np.argsort(clean.notes["onset_s"], kind="stable")
    by_id = {note["note_id"]: note for note in bent.notes}
    moved_s = np.array([by_id[note_id]["onset_s"] for note_id in clean.notes["note_id"][order]])
    assert (np.diff(moved_s) >= 0).all()
    assert len(bent.pedal) == len(clean.pedal)


def test_a_pedal_change_stays_with_its_chord(pulse: Performance, assemble: Assemble) -> None:
    notes = [tuple(note)[1:] for note in pulse.notes]
    clean = assemble(notes, [(n + 0.05, 64, 127 * (n % 2)) for n in range(9)])
    bent = apply_edits(clean, TempoDrift(share=0.3, timescale_s=4).draw(clean, stream(0, "d")))
    interval = np.searchsorted(bent.notes["onset_s"], bent.pedal["time_s"])
    assert interval.tolist() == [10 * n + 1 for n in range(9)]


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
