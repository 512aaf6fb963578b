"""Held-out music: nothing of a group is seen, and figures are what they should be."""

import numpy as np
import pytest

from degradation.seeds import stream
from models.config.human_validation import BoostingConfig
from models.evaluation.human.held_out import (
    gain_within,
    judge_held_out,
    predict_baseline,
    predict_held_out,
)

WORKS = [f"work {at % 3}" for at in range(240)]
SEGMENTS = [f"work {at % 3} segment {at // 3 % 10}" for at in range(240)]
BOOSTING = BoostingConfig(trees=40, learning_rate=0.1, deepest=3, least_leaf=5)


def test_no_group_is_predicted_from_itself() -> None:
    seen: list[set[str]] = []

    def fit(learn: np.ndarray, predict: np.ndarray) -> np.ndarray:
        groups = [{WORKS[at] for at in part} for part in (learn, predict)]
        assert not groups[0] & groups[1]
        seen.append(groups[1])
        return np.repeat(predict[:, None], 2, axis=1)

    predicted = predict_held_out(WORKS, 2, fit)
    assert (predicted == np.arange(240)[:, None]).all()
    assert len(seen) == 3
    with pytest.raises(ValueError, match="fewer than 2 unique groups"):
        predict_held_out(["one"] * 5, 2, fit)


def test_a_perfect_prediction_and_the_plain_mean() -> None:
    true = stream(0, "true").normal(size=(240, 3))
    perfect = judge_held_out(true, true, SEGMENTS, stream(0, "b"))
    assert (perfect.r2, perfect.r, perfect.within_r) == pytest.approx((1, 1, 1))
    mean = judge_held_out(true, np.tile(true.mean(axis=0), (240, 1)), SEGMENTS, stream(0, "b"))
    assert (mean.r2, mean.r, mean.within_r) == pytest.approx((0, 0, 0))


def test_the_music_alone_is_worth_nothing_within_score() -> None:
    _, of = np.unique(SEGMENTS, return_inverse=True)
    music = stream(0, "music").normal(size=(30, 2))[of]
    true = music + stream(0, "player").normal(size=(240, 2))
    found = judge_held_out(true, music, SEGMENTS, stream(0, "b"))
    assert found.r > 0.5
    assert found.within_r == 0


def test_a_gain_is_sure_where_one_prediction_is_plainly_better() -> None:
    true = stream(0, "true").normal(size=(240, 2))
    good, bad = (true + noise * stream(0, str(noise)).normal(size=(240, 2)) for noise in (0.5, 3))
    gain, interval = gain_within(true, good, bad, SEGMENTS, stream(0, "b"))
    assert interval.low > 0
    assert interval.low < gain < interval.high
    gain, interval = gain_within(true, good, good, SEGMENTS, stream(0, "b"))
    assert (gain, interval.low, interval.high) == (0, 0, 0)


def test_boosting_learns_what_the_features_say_and_nothing_of_noise() -> None:
    features = stream(0, "features").normal(size=(240, 4))
    features[::7, 1] = np.nan
    rated = np.stack([features[:, 0], stream(0, "noise").normal(size=240)], axis=1)
    predicted = predict_baseline(features, rated, WORKS, BOOSTING, seed=1)
    assert np.corrcoef(predicted[:, 0], rated[:, 0])[0, 1] > 0.9
    assert abs(np.corrcoef(predicted[:, 1], rated[:, 1])[0, 1]) < 0.25
    again = predict_baseline(features, rated, WORKS, BOOSTING, seed=1)
    assert np.array_equal(predicted, again)


def test_a_feature_that_is_never_known_is_done_without() -> None:
    features = stream(0, "features").normal(size=(240, 3))
    features[np.asarray(WORKS) != "work 0", 2] = np.nan
    rated = features[:, :1]
    predicted = predict_baseline(features, rated, WORKS, BOOSTING, seed=1)
    assert np.corrcoef(predicted[:, 0], rated[:, 0])[0, 1] > 0.9
