import numpy as np
import pytest
import scipy.stats

from degradation.notes import latest_onset
from degradation.sampling import choose_share, mirror_between, unit_noise
from degradation.seeds import stream


@pytest.mark.parametrize("count", [1, 2, 7, 300])
def test_unit_noise_is_of_size_one_however_little_there_is(count: int) -> None:
    noise = unit_noise(stream(0, "noise"), count)
    assert noise.shape == (count,)
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(1)


def test_unit_noise_is_gaussian_and_goes_both_ways() -> None:
    noise = np.concatenate([unit_noise(stream(n, "noise"), 50) for n in range(100)])
    assert scipy.stats.kstest(noise, "norm").pvalue > 0.001
    assert len(unit_noise(stream(0, "none"), 0)) == 0


def test_a_change_that_would_lead_outside_goes_the_other_way() -> None:
    onset_s = np.array([0.0, 0.0, 0.1, 0.1, 9.9, 10.0, 5.0])
    shift_s = np.array([0.2, -0.2, -0.2, 0.2, 0.3, -0.1, 1.0])
    kept_s = mirror_between(onset_s, shift_s, 0.0, 10.0)
    assert np.allclose(kept_s, [0.2, 0.2, 0.2, 0.2, -0.3, -0.1, 1.0])


def test_a_change_too_large_both_ways_is_cut() -> None:
    kept_s = mirror_between(np.array([0.4, 0.6]), np.array([2.0, -2.0]), 0.0, 1.0)
    assert np.allclose(kept_s, [-0.4, 0.4])


def test_each_value_may_have_bounds_of_its_own() -> None:
    kept = mirror_between(
        np.zeros(2), np.array([3.0, 3.0]), np.array([-5.0, -1.0]), np.array([2, 9])
    )
    assert np.allclose(kept, [-3.0, 3.0])


def test_the_spread_is_kept_at_the_edge() -> None:
    """Cutting a shift at the edge, not mirroring it, would lose 42 % of the spread there."""
    wanted_s = stream(0, "edge").normal(0, 0.06, 5000)
    kept_s = mirror_between(np.zeros(5000), wanted_s, 0.0, latest_onset(10.0))
    assert np.sqrt(np.mean(kept_s**2)) == pytest.approx(0.06, rel=0.05)
    assert (kept_s >= 0).all()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 1.0])
def test_as_many_are_chosen_as_the_share_says(share: float) -> None:
    counts = [len(choose_share(stream(n, "share"), np.ones(70), share)) for n in range(500)]
    assert set(counts) <= {int(share * 70), int(share * 70) + 1}
    assert np.mean(counts) == pytest.approx(share * 70, abs=0.1)


def test_the_heavier_are_chosen_more_often() -> None:
    weight = np.array([4.0] * 50 + [1.0] * 50)
    chosen = np.concatenate([choose_share(stream(n, "weight"), weight, 0.02) for n in range(2000)])
    assert np.mean(chosen < 50) == pytest.approx(0.8, abs=0.03)


def test_a_larger_share_adds_to_the_same_choice() -> None:
    few, many = (set(choose_share(stream(1, "x"), np.ones(90), share)) for share in (0.1, 0.4))
    assert few < many
