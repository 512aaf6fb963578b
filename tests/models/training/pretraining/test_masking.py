from dataclasses import replace

import numpy as np
import pytest

from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, SUSTAIN, Performance
from degradation.seeds import stream
from models.tokens.tokenisers import TOKENISERS
from models.training.pretraining.masking import (
    JUDGING,
    LEARNING,
    TIME_FIELDS,
    Showing,
    draw_masking,
    mask_window,
)


@pytest.fixture(params=list(TOKENISERS))
def tokeniser(request: pytest.FixtureRequest):
    return TOKENISERS[request.param]


@pytest.fixture
def window(random_notes) -> Performance:
    performance: Performance = random_notes.performances["train"]["train 0"]
    return performance


def test_no_note_and_one_note() -> None:
    assert not draw_masking(0, 0.15, LEARNING, stream(0, "t")).guessed.any()
    assert draw_masking(1, 0.15, LEARNING, stream(0, "t")).guessed.all()


@pytest.mark.parametrize("notes", [1, 5, 20, 333])
@pytest.mark.parametrize("share", [0.0, 0.15, 0.5])
def test_so_many_are_guessed(notes: int, share: float) -> None:
    for seed in range(10):
        masking = draw_masking(notes, share, LEARNING, stream(seed, "t"))
        assert masking.guessed.sum() == max(1, round(share * notes))
        shown = masking.hidden.astype(int) + masking.replaced
        assert (shown <= masking.guessed).all(), "hidden and replaced are guessed, and apart"


def test_all_notes_and_all_fates_have_their_share() -> None:
    drawn = [draw_masking(40, 0.15, LEARNING, stream(seed, "t")) for seed in range(2000)]
    often = np.mean([masking.guessed for masking in drawn], axis=0)
    assert np.abs(often - 0.15).max() < 0.04, "no place is preferred"
    guessed = sum(masking.guessed.sum() for masking in drawn)
    hidden = sum(masking.hidden.sum() for masking in drawn)
    replaced = sum(masking.replaced.sum() for masking in drawn)
    assert hidden / guessed == pytest.approx(0.8, abs=0.02)
    assert replaced / guessed == pytest.approx(0.1, abs=0.02)


def test_the_same_stream_masks_alike(window, tokeniser) -> None:
    one, again, other = (
        mask_window(window, tokeniser, 0.3, LEARNING, stream(seed, "t")) for seed in (1, 1, 2)
    )
    assert np.array_equal(one.shown, again.shown)
    assert np.array_equal(one.masking.guessed, again.masking.guessed)
    assert not np.array_equal(one.masking.guessed, other.masking.guessed)


def test_judging_hides_all_that_is_guessed(window, tokeniser) -> None:
    masked = mask_window(window, tokeniser, 0.3, JUDGING, stream(1, "t"))
    assert np.array_equal(masked.masking.hidden, masked.masking.guessed)
    assert not masked.masking.replaced.any()


def test_the_true_classes_are_those_of_the_guessed_notes(window, tokeniser) -> None:
    masked = mask_window(window, tokeniser, 0.3, LEARNING, stream(1, "t"))
    classes = tokeniser.classes(tokeniser.encode(window))
    assert np.array_equal(masked.classes, classes[masked.masking.guessed])


def test_a_hidden_note_leaves_no_trace(window, tokeniser) -> None:
    """Whatever it is, even gone, all that is shown is the same."""
    masked = mask_window(window, tokeniser, 0.3, JUDGING, stream(1, "t"))
    hidden = masked.masking.hidden
    others = replace(window, notes=window.notes[~hidden])
    assert np.array_equal(masked.shown[~hidden], tokeniser.encode(others))
    assert np.array_equal(masked.shown[hidden], np.zeros(hidden.sum(), tokeniser.dtype))


def test_a_ringing_string_does_not_tell_of_a_hidden_stroke() -> None:
    tokeniser = TOKENISERS["performance"]
    notes = np.zeros(2, NOTE_DTYPE)
    notes["note_id"], notes["pitch"], notes["velocity"] = [0, 1], 60, 64
    notes["onset_s"], notes["offset_s"] = [1.0, 3.0], [1.5, 3.5]
    pedal = np.array([(0.0, SUSTAIN, 127), (6.0, SUSTAIN, 0)], PEDAL_DTYPE)
    window = Performance(notes=notes, pedal=pedal, duration_s=10.0)
    assert tokeniser.encode(window)["sounding_s"].tolist() == [2.0, 3.0]
    for seed in range(20):
        masked = mask_window(window, tokeniser, 0.5, JUDGING, stream(seed, "t"))
        rings_s = masked.shown["sounding_s"][~masked.masking.hidden].tolist()
        assert rings_s == ([5.0] if masked.masking.hidden[1] else [3.0])


def test_a_replaced_note_is_another_that_begins_when_it_did(window, tokeniser) -> None:
    masked = mask_window(window, tokeniser, 0.5, Showing(hidden=0, replaced=1), stream(1, "t"))
    tokens, replaced = tokeniser.encode(window), masked.masking.replaced
    assert np.array_equal(replaced, masked.masking.guessed)
    for field in tokeniser.dtype.names:
        if field in TIME_FIELDS:
            assert np.array_equal(masked.shown[field], tokens[field]), field
        else:
            assert np.isin(masked.shown[field][replaced], tokens[field]).all(), field
    assert (masked.shown["pitch"] != tokens["pitch"])[replaced].mean() > 0.8


def test_a_note_that_is_kept_is_shown_as_it_is(window, tokeniser) -> None:
    masked = mask_window(window, tokeniser, 0.5, Showing(hidden=0, replaced=0), stream(1, "t"))
    assert masked.masking.guessed.sum() == len(window.notes) // 2
    assert np.array_equal(masked.shown, tokeniser.encode(window))


def test_the_only_note_of_a_window(window, tokeniser) -> None:
    alone = replace(window, notes=window.notes[:1])
    for showing in (JUDGING, Showing(hidden=0, replaced=1)):
        masked = mask_window(alone, tokeniser, 0.15, showing, stream(1, "t"))
        assert len(masked.classes) == 1
