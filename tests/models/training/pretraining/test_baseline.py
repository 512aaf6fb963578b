import numpy as np
import pytest

from models.training.pretraining.baseline import count_classes, survey, unigram_cross_entropy
from models.training.pretraining.windows import MaskedWindows


def test_classes_are_counted() -> None:
    counts = count_classes(np.array([[0, 2], [1, 2], [0, 0]]), {"one": 2, "other": 4})
    assert counts["one"].tolist() == [2, 1]
    assert counts["other"].tolist() == [1, 0, 2, 0]


def test_cross_entropy_by_hand() -> None:
    trained = {"pitch": np.array([6, 1, 0])}
    judged = {"pitch": np.array([2, 0, 1])}
    expected = -(2 * np.log(7 / 10) + np.log(1 / 10)) / 3
    assert unigram_cross_entropy(trained, judged)["pitch"] == pytest.approx(expected)


def test_on_what_it_counted_it_is_the_entropy_and_elsewhere_more() -> None:
    rng = np.random.default_rng(0)
    seen = rng.multinomial(10**7, [0.5, 0.3, 0.15, 0.05])
    shares = seen / seen.sum()
    at_home = unigram_cross_entropy({"f": seen}, {"f": seen})["f"]
    assert at_home == pytest.approx(-(shares * np.log(shares)).sum(), abs=1e-5)
    assert unigram_cross_entropy({"f": seen}, {"f": seen[::-1]})["f"] > at_home


def test_what_never_occurred_is_not_impossible() -> None:
    assert np.isfinite(unigram_cross_entropy({"f": np.zeros(3, int)}, {"f": np.ones(3)})["f"])


def test_a_survey_counts_what_training_is_given(music, config) -> None:
    found = survey(music, config)
    assert found.train_windows == 24 * 4
    assert found.train_notes == 24 * 160
    guessed = sum(len(window.classes) for window in MaskedWindows(music, config, None).windows())
    assert found.validation_notes_guessed == guessed
    assert list(found.unigram) == [
        "gap", "duration", "sounding", "pitch", "velocity", "pedal_onset", "pedal_release",
        "soft_onset",
    ]  # fmt: skip
    assert found.unigram["duration"] < 0.05 < 2 < found.unigram["pitch"]
