from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degradation.notes import (
    NOTE_DTYPE,
    PEDAL_CONTROLLERS,
    PEDAL_DTYPE,
    SOFT,
    SOSTENUTO,
    SUSTAIN,
    TICKS_PER_S,
    NoteArray,
    Performance,
    cut_window,
    find_faults,
    release_before_restrike,
    snap,
)
from storage.midi import read_midi

Assemble = Callable[..., Performance]
Compose = Callable[..., Performance]

TICK_S = 1 / TICKS_PER_S
NO_PEDAL = np.zeros(0, dtype=PEDAL_DTYPE)


def table(rows: list[tuple[int, int, int, int]]) -> NoteArray:
    """(onset tick, length in ticks, pitch, velocity) to notes, in the order given."""
    notes = np.zeros(len(rows), dtype=NOTE_DTYPE)
    for note_id, (onset, length, pitch, velocity) in enumerate(rows):
        times_s = onset / TICKS_PER_S, (onset + length) / TICKS_PER_S
        notes[note_id] = (note_id, *times_s, pitch, velocity)
    return notes


crowded_tables = st.lists(
    st.tuples(
        st.integers(0, 30), st.integers(0, 20), st.sampled_from([21, 60, 61, 108]), st.just(64)
    ),
    max_size=40,
).map(table)


def sound_arrays() -> tuple[NoteArray, np.ndarray, float]:
    pedal = np.array([(0.0, SUSTAIN, 127), (0.5, SUSTAIN, 0)], dtype=PEDAL_DTYPE)
    return table([(0, 100, 60, 64), (0, 100, 64, 64), (100, 100, 60, 64)]), pedal, 1.0


def test_sound_arrays_have_no_fault() -> None:
    assert find_faults(*sound_arrays()) == []


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("onset_s", np.nan, "a time is not finite"),
        ("onset_s", 0.5, "onsets are not sorted"),
        ("onset_s", -TICK_S, "an onset lies outside [0, duration)"),
        ("offset_s", 0.0, "a note ends before it begins"),
        ("offset_s", 100.5 * TICK_S, "a key is struck while it is held"),
        ("note_id", 1, "a note id occurs twice"),
        ("velocity", 0, "a velocity lies outside 1-127"),
        ("velocity", 128, "a velocity lies outside 1-127"),
        ("pitch", 20, "a pitch lies outside 21-108"),
        ("pitch", 109, "a pitch lies outside 21-108"),
    ],
)
def test_a_broken_note_is_named_and_refused(field: str, value: float, fault: str) -> None:
    notes, pedal, duration_s = sound_arrays()
    notes[field][0] = value
    assert fault in find_faults(notes, pedal, duration_s)
    with pytest.raises(ValueError, match=fault.replace("[", r"\[").replace(")", r"\)")):
        Performance(notes=notes, pedal=pedal, duration_s=duration_s)


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("time_s", 0.6, "pedal movements are not sorted"),
        ("time_s", -0.1, "a pedal movement lies outside [0, duration]"),
        ("value", 128, "a pedal value exceeds 127"),
        ("controller", 65, "a controller is not a pedal"),
    ],
)
def test_a_broken_pedal_movement_is_named(field: str, value: float, fault: str) -> None:
    notes, pedal, duration_s = sound_arrays()
    pedal[field][0] = value
    assert find_faults(notes, pedal, duration_s) == [fault]


def test_a_note_at_the_end_of_the_window_is_a_fault() -> None:
    notes, pedal, _ = sound_arrays()
    assert "an onset lies outside [0, duration)" in find_faults(notes, pedal, 100 * TICK_S)


def test_a_performance_cannot_be_changed() -> None:
    notes, pedal, duration_s = sound_arrays()
    performance = Performance(notes=notes, pedal=pedal, duration_s=duration_s)
    with pytest.raises(ValueError, match="read-only"):
        performance.notes["pitch"][0] = 61
    with pytest.raises(ValueError, match="read-only"):
        performance.pedal["value"][0] = 1


@given(st.floats(0, 1e6))
def test_snapping_goes_to_the_nearest_tick_and_stays_there(time_s: float) -> None:
    snapped = snap(time_s)
    assert abs(snapped - time_s) <= TICK_S / 2 + 1e-9
    assert snap(snapped) == snapped
    assert snap(np.array([time_s]))[0] == snapped


@settings(max_examples=100)
@given(crowded_tables)
def test_keys_are_let_go_before_they_are_struck_again(notes: NoteArray) -> None:
    before = notes.copy()
    resolved = release_before_restrike(notes)
    assert find_faults(resolved, NO_PEDAL, np.inf) == []
    assert np.array_equal(notes, before), "the input was changed in place"
    assert sorted(resolved["note_id"]) == sorted(notes["note_id"]), "a note was lost"
    by_id = resolved[np.argsort(resolved["note_id"])]
    assert np.array_equal(by_id["pitch"], notes["pitch"])
    assert np.array_equal(by_id["velocity"], notes["velocity"])
    again = release_before_restrike(resolved)
    assert np.array_equal(again, resolved), "what is resolved should stay as it is"


@settings(max_examples=100)
@given(crowded_tables)
def test_only_what_must_move_is_moved(notes: NoteArray) -> None:
    """Notes of different keys, and of one key that do not meet, are left alone."""
    resolved = release_before_restrike(notes)
    for was, now in zip(notes, resolved[np.argsort(resolved["note_id"])], strict=True):
        same_key = notes[(notes["pitch"] == was["pitch"]) & (notes["note_id"] != was["note_id"])]
        crowd = np.abs(same_key["onset_s"] - was["onset_s"]) < len(notes) * TICK_S
        if not crowd.any():
            assert now["onset_s"] == was["onset_s"]
            later = same_key["onset_s"][same_key["onset_s"] > was["onset_s"]]
            if not len(later) or later.min() > was["offset_s"] + len(notes) * TICK_S:
                assert now["offset_s"] == max(was["offset_s"], snap(was["onset_s"] + TICK_S))


@settings(max_examples=60)
@given(crowded_tables, st.integers(40, 60))
def test_no_note_is_pushed_past_the_latest_onset(notes: NoteArray, latest: int) -> None:
    latest_s = latest / TICKS_PER_S
    notes["onset_s"] = snap(notes["onset_s"] + (latest - 30) / TICKS_PER_S)
    notes["offset_s"] = notes["onset_s"] + TICK_S
    resolved = release_before_restrike(notes, latest_s)
    assert find_faults(resolved, NO_PEDAL, np.inf) == []
    assert (resolved["onset_s"] <= latest_s).all()
    assert len(resolved) == len(notes)


def test_the_earlier_note_is_cut_at_the_later_onset() -> None:
    resolved = release_before_restrike(table([(0, 100, 60, 1), (40, 100, 60, 2)]))
    assert resolved["onset_s"].tolist() == [0.0, 40 * TICK_S]
    assert resolved["offset_s"].tolist() == [40 * TICK_S, 140 * TICK_S]


def test_of_two_notes_on_one_tick_of_one_key_the_later_moves_a_tick_on() -> None:
    resolved = release_before_restrike(table([(7, 100, 60, 1), (7, 50, 60, 2), (8, 50, 60, 3)]))
    assert resolved["note_id"].tolist() == [0, 1, 2]
    assert np.rint(resolved["onset_s"] * TICKS_PER_S).tolist() == [7, 8, 9]
    assert np.rint(resolved["offset_s"] * TICKS_PER_S).tolist() == [8, 9, 58]


def whole_piece(compose: Compose) -> Performance:
    return compose(5, note_count=300, duration_s=30.0)


def test_adjacent_windows_tile_the_piece(compose: Compose) -> None:
    piece = whole_piece(compose)
    for window_s in (10.0, 0.1, 0.3):  # 0.1 and 0.3 have no exact sum in binary
        starts_s = [number * window_s for number in range(round(30 / window_s))]
        windows = [cut_window(piece, start_s, window_s) for start_s in starts_s]
        joined = np.concatenate(
            [
                snap(w.notes["onset_s"] + start_s)
                for w, start_s in zip(windows, starts_s, strict=True)
            ]
        )
        assert len(joined) == len(piece.notes), window_s
        assert np.abs(np.sort(joined) - piece.notes["onset_s"]).max() < TICK_S / 2
        moved = sum(int((window.pedal["time_s"] > 0).sum()) for window in windows)
        on_edges = np.isin(piece.pedal["time_s"], snap(np.array(starts_s))).sum()
        assert moved + on_edges == len(piece.pedal)


def test_a_window_is_numbered_by_onset_then_pitch_and_lies_on_the_grid(compose: Compose) -> None:
    window = cut_window(whole_piece(compose), 7.3, 10.0)
    notes = window.notes
    assert notes["note_id"].tolist() == list(range(len(notes)))
    assert np.array_equal(np.lexsort((notes["pitch"], notes["onset_s"])), notes["note_id"])
    for times_s in (notes["onset_s"], notes["offset_s"], window.pedal["time_s"]):
        assert np.array_equal(snap(times_s), times_s)


def test_notes_struck_before_the_window_are_left_out_and_long_ones_cut(assemble: Assemble) -> None:
    piece = assemble(
        [(0.9, 1.5, 60, 64), (1.0, 1.2, 62, 64), (1.8, 5.0, 64, 64), (2.0, 2.1, 65, 64)]
    )
    window = cut_window(piece, 1.0, 1.0)
    assert window.notes["pitch"].tolist() == [62, 64], "the end belongs to the next window"
    assert window.notes["onset_s"].tolist() == [0.0, 0.8]
    assert window.notes["offset_s"].tolist() == [snap(0.2), 1.0]


@pytest.mark.parametrize("controller", PEDAL_CONTROLLERS)
def test_a_pedal_that_is_down_is_carried_in(assemble: Assemble, controller: int) -> None:
    pedal = [
        (0.2, controller, 127),
        (0.6, controller, 70),
        (1.5, controller, 0),
        (1.7, controller, 9),
    ]
    piece = assemble([(1.1, 1.2, 60, 64)], pedal)
    assert cut_window(piece, 1.0, 0.6).pedal.tolist() == [
        (0.0, controller, 70),
        (0.5, controller, 0),
    ]
    assert cut_window(piece, 0.0, 0.5).pedal.tolist() == [(0.2, controller, 127)]
    assert cut_window(piece, 1.6, 0.1).pedal.tolist() == [], "a pedal that is up is not carried in"
    assert cut_window(piece, 0.6, 0.5).pedal.tolist() == [(0.0, controller, 70)]


def test_all_three_pedals_are_carried_in_together(assemble: Assemble) -> None:
    piece = assemble([], [(0.1, SOFT, 30), (0.2, SUSTAIN, 90), (0.3, SOSTENUTO, 127)])
    carried = cut_window(piece, 5.0, 1.0).pedal
    assert set(carried.tolist()) == {(0.0, SUSTAIN, 90), (0.0, SOSTENUTO, 127), (0.0, SOFT, 30)}


def test_strikes_of_a_key_at_the_very_end_make_room_for_each_other() -> None:
    """A window off the grid may round to a tick less than it holds; no note may fall out."""
    notes = table([(tick, 1, 60, 64) for tick in (19_997, 19_998, 19_999)])
    piece = Performance(notes=notes, pedal=NO_PEDAL, duration_s=2.0)
    start_s, duration_s = 0.3 * TICK_S, 1.0 - 0.6 * TICK_S
    window = cut_window(piece, start_s, duration_s)
    assert np.rint(window.notes["onset_s"] * TICKS_PER_S).tolist() == [19_996, 19_997, 19_998]


@pytest.mark.real_data
def test_windows_of_real_performances_tile_and_carry_the_pedal_in(real_data: Path) -> None:
    path = min(
        (real_data / "maestro-v3.0.0" / "2011").glob("*.midi"), key=lambda f: f.stat().st_size
    )
    piece = read_midi(path.read_bytes(), path.name)
    starts_s = np.arange(0.0, piece.duration_s, 10.0)
    windows = [cut_window(piece, float(start_s), 10.0) for start_s in starts_s]
    assert sum(len(window.notes) for window in windows) == len(piece.notes)
    for start_s, window in zip(starts_s, windows, strict=True):
        for controller in PEDAL_CONTROLLERS:
            mine = piece.pedal[piece.pedal["controller"] == controller]
            past = mine["value"][mine["time_s"] <= start_s]
            kept = window.pedal[window.pedal["controller"] == controller]
            opens_at = kept["value"][0] if len(kept) and kept["time_s"][0] == 0 else 0
            assert opens_at == (past[-1] if len(past) else 0)
