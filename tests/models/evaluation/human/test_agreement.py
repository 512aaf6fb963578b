"""Agreement within score: what the music explains is gone, what the player does is left."""

import numpy as np
import pytest

from degradation.seeds import stream
from models.evaluation.human.agreement import centre, measure_agreement

SEGMENTS = [f"segment {at // 8}" for at in range(160)]


def test_centring_leaves_no_segment_a_mean() -> None:
    values = stream(0, "v").normal(size=(160, 3))
    centred = centre(values, SEGMENTS)
    for name in set(SEGMENTS):
        chosen = np.asarray(SEGMENTS) == name
        assert centred[chosen].mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-12)
        assert np.diff(centred[chosen], axis=0) == pytest.approx(np.diff(values[chosen], axis=0))


def test_recognising_the_music_is_worth_nothing_within_score() -> None:
    music = np.repeat(stream(0, "music").normal(size=20), 8)
    noise = stream(0, "noise").normal(size=(2, 160))
    found = measure_agreement(
        music + 0.1 * noise[0], music + 0.1 * noise[1], SEGMENTS, 1, stream(0, "b")
    )
    assert found.pooled.r > 0.9
    assert found.verdict == "not told from nothing"


@pytest.mark.parametrize(("slope", "verdict"), [(1, "follows"), (-1, "runs against")])
def test_the_verdict_follows_from_sign_and_interval(slope: int, verdict: str) -> None:
    player = stream(0, "player").normal(size=160)
    rated = slope * player + stream(0, "ears").normal(size=160)
    found = measure_agreement(player, rated, SEGMENTS, 1, stream(0, "b"))
    assert found.verdict == verdict
    assert np.sign(found.within.r) == slope
    unclaimed = measure_agreement(player, rated, SEGMENTS, None, stream(0, "b"))
    assert unclaimed.verdict == "no sign claimed"


def test_what_was_not_measured_and_lone_clips_are_left_out() -> None:
    player = stream(0, "player").normal(size=160)
    measured = player.copy()
    measured[:5] = np.nan
    segments = [*SEGMENTS[:-1], "alone"]
    found = measure_agreement(measured, player, segments, 1, stream(0, "b"))
    assert (found.pooled.n, found.within.n) == (155, 154)


def test_nothing_measured_says_nothing() -> None:
    found = measure_agreement(np.full(160, np.nan), np.ones(160), SEGMENTS, 1, stream(0, "b"))
    assert np.isnan(found.within.r)
    assert found.verdict == "not told from nothing"
