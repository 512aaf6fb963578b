from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from degradation.edits import EDIT_DTYPE, Change, Edits, alter, apply_edits, carry_pedal
from degradation.notes import SOFT, SUSTAIN, TICKS_PER_S, Performance, find_faults, snap
from degradation.seeds import stream

Assemble = Callable[..., Performance]
Compose = Callable[..., Performance]


def edit_table(*rows: tuple[Change, int, float, float, int, int]) -> Edits:
    return Edits(notes=np.array(list(rows), dtype=EDIT_DTYPE))


@pytest.fixture
def scale(assemble: Assemble) -> Performance:
    """Notes 0-3: C D E F, a second apart, half a second long."""
    return assemble([(n, n + 0.5, 60 + p, 50 + n) for n, p in enumerate((0, 2, 4, 5))])


def test_no_edits_is_identity(compose: Compose) -> None:
    for seed in range(5):
        clean = compose(seed)
        edited = apply_edits(clean, Edits())
        assert np.array_equal(edited.notes, clean.notes)
        assert edited.pedal is clean.pedal


def test_a_note_is_altered_missed_or_added_and_the_rest_stays(scale: Performance) -> None:
    edits = edit_table(
        (Change.ALTERED, 1, 0.25, -0.125, -1, 7),
        (Change.MISSED, 2, 0, 0, 0, 0),
        (Change.EXTRA, 9, 1.5, 1.75, 72, 33),
    )
    edited = apply_edits(scale, edits)
    assert edited.notes.tolist() == [
        (0, 0.0, 0.5, 60, 50),
        (1, 1.25, 1.375, 61, 58),
        (9, 1.5, 1.75, 72, 33),
        (3, 3.0, 3.5, 65, 53),
    ]
    assert np.array_equal(apply_edits(scale, edits).notes, edited.notes)


def test_the_order_of_the_edits_does_not_matter(compose: Compose) -> None:
    clean = compose(3)
    rng = stream(0, "edits")
    notes = alter(clean.notes["note_id"], onset_shift_s=rng.normal(0, 0.1, len(clean.notes)))
    shuffled = rng.permutation(notes)
    forwards, backwards = apply_edits(clean, Edits(notes=notes)), Edits(notes=shuffled)
    assert np.array_equal(apply_edits(clean, backwards).notes, forwards.notes)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        ((Change.ALTERED, 17, 0.1, 0.1, 0, 0), "do not exist: \\[17\\]"),
        ((Change.MISSED, 17, 0, 0, 0, 0), "do not exist: \\[17\\]"),
        ((Change.EXTRA, 2, 1.0, 1.1, 60, 60), "ids that exist: \\[2\\]"),
        ((Change.ALTERED, 0, 0, 0, 200, 0), "pitch of 260"),
        ((Change.ALTERED, 0, 0, 0, 0, -100), "velocity of -50"),
        ((Change.EXTRA, 9, 1.0, 1.1, 60, 300), "velocity of 300"),
        ((Change.ALTERED, 0, 0, 0, -50, 0), "pitch lies outside"),
        ((Change.ALTERED, 0, 0, 0, 0, -50), "velocity lies outside"),
        ((Change.ALTERED, 0, np.nan, 0, 0, 0), "not finite"),
    ],
)
def test_edits_that_do_not_fit_are_refused(
    scale: Performance, edit: tuple[Change, int, float, float, int, int], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        apply_edits(scale, edit_table(edit))


def test_two_edits_of_one_note_are_refused(scale: Performance) -> None:
    twice = [(Change.ALTERED, 0, 0.1, 0.1, 0, 0), (Change.MISSED, 0, 0, 0, 0, 0)]
    with pytest.raises(ValueError, match="twice"):
        apply_edits(scale, edit_table(*twice))


def test_a_note_may_move_onto_the_key_of_another(scale: Performance) -> None:
    onto = apply_edits(scale, edit_table((Change.ALTERED, 1, -0.75, -0.75, -2, 0)))
    assert onto.notes[["note_id", "onset_s", "offset_s"]].tolist()[:2] == [
        (0, 0.0, 0.25),
        (1, 0.25, 0.75),
    ]


def test_moved_notes_are_kept_inside_the_window(scale: Performance) -> None:
    out = edit_table((Change.ALTERED, 0, -3, -3, 0, 0), (Change.ALTERED, 3, 30, 30, 0, 0))
    notes = apply_edits(scale, out).notes
    assert notes["onset_s"].tolist() == [0.0, 1.0, 2.0, snap(10 - 1 / TICKS_PER_S)]
    assert notes["offset_s"].tolist() == [1 / TICKS_PER_S, 1.5, 2.5, 10.0]


def test_a_note_at_the_very_end_stays_when_others_are_edited(assemble: Assemble) -> None:
    late_s = 10 - 1 / TICKS_PER_S
    clean = assemble([(1, 2, 60, 64), (late_s, 10, 62, 64)])
    edited = apply_edits(clean, edit_table((Change.ALTERED, 0, 0.1, 0.1, 0, 0)))
    assert edited.notes[1] == clean.notes[1]


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(Change)),
            st.floats(-12, 12),
            st.floats(-12, 12),
            st.integers(-3, 3),
            st.integers(-20, 20),
        ),
        max_size=30,
    ),
    st.integers(0, 5),
)
def test_whatever_the_edits_the_result_is_sound(
    compose: Compose, changes: list[tuple[Change, float, float, int, int]], seed: int
) -> None:
    clean = compose(seed, note_count=40)
    rows: list[tuple[Change, int, float, float, int, int]] = []
    for at, (change, onset_s, offset_s, pitch, velocity) in enumerate(changes):
        if change is Change.EXTRA:
            rows.append((change, 1000 + at, onset_s, offset_s, 60 + pitch, 64 + velocity))
        elif 25 <= clean.notes["pitch"][at] <= 104 and 21 <= clean.notes["velocity"][at] <= 107:
            rows.append((change, clean.notes["note_id"][at], onset_s, offset_s, pitch, velocity))
    edits = edit_table(*rows)
    edited = apply_edits(clean, edits)
    assert find_faults(edited.notes, edited.pedal, edited.duration_s) == []
    for times_s in (edited.notes["onset_s"], edited.notes["offset_s"]):
        assert np.array_equal(snap(times_s), times_s)
    made = edits.notes["change"]
    expected = set(clean.notes["note_id"]) | set(edits.notes["note_id"][made == Change.EXTRA])
    expected -= set(edits.notes["note_id"][np.isin(made, (Change.MISSED, Change.CUT))])
    assert set(edited.notes["note_id"]) == expected


def test_alter_leaves_out_what_stays_and_snaps_times() -> None:
    ids = np.array([4, 5, 6, 7])
    shifts_s = np.array([0.0, 0.00001, 0.00004, -1.00003])
    edits = alter(ids, onset_shift_s=shifts_s, velocity_shift=np.array([0, 0, 0, 3]))
    assert edits[["note_id", "onset_shift_s", "velocity_shift"]].tolist() == [
        (6, 0.00005, 0),
        (7, -1.00005, 3),
    ]
    assert (edits["change"] == Change.ALTERED).all()


def test_alter_refuses_a_field_that_edits_have_not() -> None:
    with pytest.raises(ValueError, match="no field of name loudness_shift"):
        alter(np.array([1]), loudness_shift=np.array([1]))


def carried_s(performance: Performance, shift_s: NDArray[np.float64]) -> NDArray[np.float64]:
    carried = carry_pedal(performance, shift_s)
    assert carried is not None
    times_s: NDArray[np.float64] = carried["time_s"]
    return times_s


def test_a_movement_at_an_onset_moves_with_the_note(assemble: Assemble) -> None:
    onsets = [1.0, 2.0, 3.0]
    music = assemble(
        [(at, at + 0.5, 60, 64) for at in onsets], [(at, SUSTAIN, 127) for at in onsets]
    )
    shift_s = np.array([0.1, -0.2, 0.01234])
    edits = Edits(
        notes=alter(music.notes["note_id"], onset_shift_s=shift_s, offset_shift_s=shift_s),
        pedal=carry_pedal(music, shift_s),
    )
    moved = apply_edits(music, edits)
    assert np.array_equal(moved.pedal["time_s"], moved.notes["onset_s"])


def test_between_onsets_the_shift_is_interpolated_and_beyond_them_held(assemble: Assemble) -> None:
    music = assemble(
        [(1.0, 1.5, 60, 64), (2.0, 2.5, 60, 64)],
        [(0.5, SUSTAIN, 1), (1.25, SOFT, 2), (1.5, SUSTAIN, 3), (8.0, SUSTAIN, 4)],
    )
    times_s = carried_s(music, np.array([0.1, 0.3]))
    assert np.allclose(times_s, [0.6, 1.4, 1.7, 8.3])


def test_a_chord_moves_the_pedal_by_its_mean(assemble: Assemble) -> None:
    music = assemble([(1.0, 1.5, 60, 64), (1.0, 1.5, 64, 64)], [(1.0, SUSTAIN, 127)])
    assert np.allclose(carried_s(music, np.array([0.1, 0.3])), [1.2])


def test_a_pedal_carried_in_stays_at_the_start(assemble: Assemble) -> None:
    music = assemble([(0.0, 1.0, 60, 64)], [(0.0, SUSTAIN, 90), (0.0, SOFT, 5), (0.5, SUSTAIN, 0)])
    assert np.allclose(carried_s(music, np.array([0.2])), [0.0, 0.0, 0.7])
    assert np.allclose(carried_s(music, np.array([-0.9])), [0.0, 0.0, 0.0])


@pytest.mark.parametrize("seed", range(30))
def test_movements_keep_their_order_and_stay_inside(compose: Compose, seed: int) -> None:
    music = compose(seed, note_count=200)
    shift_s = stream(seed, "shift").normal(0, 0.1, len(music.notes))
    carried = carry_pedal(music, shift_s)
    assert carried is not None
    assert np.array_equal(carried[["controller", "value"]], music.pedal[["controller", "value"]])
    assert find_faults(music.notes, carried, music.duration_s) == []
    assert np.array_equal(snap(carried["time_s"]), carried["time_s"])
    assert (carried["time_s"][music.pedal["time_s"] == 0] == 0).all()


def test_movements_that_would_cross_meet_half_way(assemble: Assemble) -> None:
    """Neither late nor early: a running maximum would put them both at 1.2 s."""
    music = assemble(
        [(1.0, 1.05, 60, 64), (1.1, 1.2, 62, 64), (3.0, 3.1, 64, 64)],
        [(1.0, SUSTAIN, 40), (1.1, SUSTAIN, 80), (3.0, SUSTAIN, 0)],
    )
    assert np.allclose(carried_s(music, np.array([0.2, -0.2, 0.1])), [1.05, 1.05, 3.1])


def test_there_is_nothing_to_move_without_pedal_or_notes(assemble: Assemble) -> None:
    assert carry_pedal(assemble([(0, 1, 60, 64)]), np.array([0.1])) is None
    assert carry_pedal(assemble([], [(1.0, SUSTAIN, 127)]), np.zeros(0)) is None
