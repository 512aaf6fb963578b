import numpy as np
import pytest

from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, SUSTAIN, NoteArray, Performance, sort_notes
from models.evaluation.audits.note_match import match_onsets, pedal_agreement


def notes(*struck: tuple[float, int]) -> NoteArray:
    found = np.zeros(len(struck), NOTE_DTYPE)
    found["note_id"] = np.arange(len(struck))
    found["onset_s"], found["pitch"] = [list(column) for column in zip(*struck, strict=True)]
    found["offset_s"] = found["onset_s"] + 0.02
    found["velocity"] = 60
    return sort_notes(found)


def dense(rng: np.random.Generator, count: int) -> NoteArray:
    return notes(*zip(rng.uniform(0, 3, count).round(3), rng.integers(60, 63, count), strict=True))


def test_the_same_notes_match_and_others_do_not() -> None:
    scale = notes((0, 60), (0.5, 62), (1, 64))
    assert match_onsets(scale, scale).f1 == 1
    assert match_onsets(scale, notes((0, 61), (0.5, 63))).f1 == 0


def test_an_onset_may_be_50_ms_off_and_no_more() -> None:
    assert match_onsets(notes((1, 60)), notes((1.05, 60))).matched == 1
    assert match_onsets(notes((1, 60)), notes((0.95, 60))).matched == 1
    assert match_onsets(notes((1, 60)), notes((1.0502, 60))).matched == 0


def test_a_note_is_matched_once() -> None:
    match = match_onsets(notes((1, 60)), notes((0.98, 60), (1.02, 60)))
    assert (match.matched, match.precision, match.recall) == (1, 0.5, 1)
    assert match.f1 == pytest.approx(2 / 3)


def test_a_nearer_note_is_left_to_the_one_that_has_no_other() -> None:
    """1.00 lies nearest to 1.01, which 1.05 needs: both find one."""
    assert match_onsets(notes((1.0, 60), (1.05, 60)), notes((0.96, 60), (1.01, 60))).matched == 2


def test_errors_are_those_of_the_pairs_alone() -> None:
    played, found = notes((0, 60), (1, 62), (2, 64)), notes((0.01, 60), (1.03, 62), (5, 64))
    found["velocity"] = [70, 40, 1]
    match = match_onsets(played, found)
    assert match.matched == 2
    assert match.onset_spread_ms == pytest.approx(10)
    assert match.velocity_error == pytest.approx(15)


def test_nothing_found_or_nothing_played_is_zero() -> None:
    nothing = np.zeros(0, NOTE_DTYPE)
    for match in (match_onsets(notes((1, 60)), nothing), match_onsets(nothing, notes((1, 60)))):
        assert (match.f1, match.matched) == (0, 0)
        assert (match.onset_spread_ms, match.velocity_error) == (None, None)
    assert match_onsets(nothing, nothing).f1 == 0


@pytest.mark.parametrize("seed", range(20))
def test_figures_are_mir_eval_s(seed: int) -> None:
    mir_eval = pytest.importorskip("mir_eval", reason="mir_eval comes with the extra transcription")
    rng = np.random.default_rng(seed)
    played, found = dense(rng, 60), dense(rng, 70)

    def told(array: NoteArray) -> tuple[np.ndarray, np.ndarray]:
        times_s = np.stack([array["onset_s"], array["offset_s"]], axis=1)
        return times_s, 440.0 * 2 ** ((array["pitch"].astype(float) - 69) / 12)

    theirs = mir_eval.transcription.precision_recall_f1_overlap(
        *told(played), *told(found), onset_tolerance=0.05, offset_ratio=None
    )
    match = match_onsets(played, found)
    assert (match.precision, match.recall, match.f1) == pytest.approx(theirs[:3])
    assert 0 < match.f1 < 1


def pedalled(*movements: tuple[float, int]) -> Performance:
    pedal = np.array([(time_s, SUSTAIN, value) for time_s, value in movements], PEDAL_DTYPE)
    return Performance(notes=notes((0, 60)), pedal=pedal, duration_s=10.0)


def test_pedals_agree_where_both_are_down_or_both_up() -> None:
    half = pedalled((0, 127), (5, 0))
    assert pedal_agreement(half, half) == 1
    assert pedal_agreement(half, pedalled()) == pytest.approx(0.5)
    assert pedal_agreement(half, pedalled((0, 64), (7, 63))) == pytest.approx(0.8)
