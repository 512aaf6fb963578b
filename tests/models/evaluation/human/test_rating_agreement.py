"""Agreement within score: what the music explains is gone, what the player does is left."""

import numpy as np
import pytest

from degradation.seeds import stream
from models.evaluation.human.document import RatingAgreement, Sign
from models.evaluation.human.rating_agreement import Ratings, centre
from storage.percepiano import SCALES

PASSAGES = [f"passage {at // 8}" for at in range(160)]


def compare(
    measured: np.ndarray, rated: np.ndarray, sign: Sign = 1, passages: list[str] = PASSAGES
) -> RatingAgreement:
    means = np.tile(rated[:, None], (1, len(SCALES)))
    return Ratings(means, means, passages, 0).compare("it", SCALES[0], sign, measured)


def test_centring_leaves_no_passage_a_mean() -> None:
    values = stream(0, "v").normal(size=(160, 3))
    centred = centre(values, PASSAGES)
    for name in set(PASSAGES):
        chosen = np.asarray(PASSAGES) == name
        assert centred[chosen].mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-12)
        assert np.diff(centred[chosen], axis=0) == pytest.approx(np.diff(values[chosen], axis=0))


def test_recognising_the_music_is_worth_nothing_within_score() -> None:
    music = np.repeat(stream(0, "music").normal(size=20), 8)
    noise = stream(0, "noise").normal(size=(2, 160))
    found = compare(music + 0.1 * noise[0], music + 0.1 * noise[1])
    assert found.pooled.rho > 0.9
    assert found.verdict == "inconclusive"


@pytest.mark.parametrize(("slope", "verdict"), [(1, "follows"), (-1, "opposes")])
def test_the_verdict_follows_from_sign_and_interval(slope: int, verdict: str) -> None:
    player = stream(0, "player").normal(size=160)
    rated = slope * player + stream(0, "ears").normal(size=160)
    found = compare(player, rated)
    assert found.verdict == verdict
    assert np.sign(found.within.rho) == slope
    assert found.baseline_rho == pytest.approx(1), "this baseline knows the ratings"
    against: Sign = -1
    assert compare(player, rated, against).verdict != verdict


def test_what_was_not_measured_and_lone_clips_are_left_out() -> None:
    player = stream(0, "player").normal(size=160)
    measured = player.copy()
    measured[:5] = np.nan
    found = compare(measured, player, passages=[*PASSAGES[:-1], "alone"])
    assert (found.pooled.n, found.within.n) == (155, 154)


def test_without_any_measurement_nothing_is_concluded() -> None:
    found = compare(np.full(160, np.nan), np.ones(160))
    assert np.isnan(found.within.rho)
    assert found.verdict == "inconclusive"
