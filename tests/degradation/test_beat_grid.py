import numpy as np
import pytest

from degradation.phrasing import follow_beat
from degradation.seeds import stream

RHYTHM = np.array([1, 1, 0.5, 0.5, 1, 0.5, 0.5, 2] * 4)


def test_an_even_pulse_is_even_whatever_the_rhythm() -> None:
    pulse = follow_beat(np.concatenate([[0.0], np.cumsum(0.4 * RHYTHM)]))
    assert len(pulse) == len(RHYTHM)
    assert np.ptp(pulse) == 0


@pytest.mark.parametrize("final_ratio", [0.6, 1.0, 1.5])
def test_a_pulse_that_changes_slowly_is_followed_through_the_rhythm(final_ratio: float) -> None:
    true = np.log(final_ratio) * np.linspace(0, 1, len(RHYTHM))
    jitter = stream(0, "pulse").normal(0, 0.02, len(RHYTHM))
    interval_s = 0.4 * RHYTHM * np.exp(true + jitter)
    found = follow_beat(np.concatenate([[0.0], np.cumsum(interval_s)]))
    assert found - found.mean() == pytest.approx(true - true.mean(), abs=0.1)


def test_one_interval_that_fits_no_rhythm_does_not_lead_astray() -> None:
    interval_s = 0.4 * RHYTHM
    interval_s[12] *= 1.37
    assert np.ptp(follow_beat(np.concatenate([[0.0], np.cumsum(interval_s)]))) < 0.1
