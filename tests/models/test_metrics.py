import numpy as np
import pytest
import scipy.stats

from models.metrics import agreement, mean_absolute_error, mean_over_dimensions, pearson_r


@pytest.mark.parametrize("seed", range(5))
def test_r_agrees_with_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    true = rng.normal(75, 10, (50, 8))
    predicted = true + rng.normal(0, 5 * (seed + 1), (50, 8))
    expected = [
        scipy.stats.pearsonr(y, x).statistic for y, x in zip(true.T, predicted.T, strict=True)
    ]
    np.testing.assert_allclose(pearson_r(true, predicted), expected, rtol=1e-12)
    np.testing.assert_allclose(
        mean_absolute_error(true, predicted), np.abs(true - predicted).mean(axis=0)
    )


def test_golden_cases() -> None:
    true = np.array([[1.0, 5.0, 1.0], [2.0, 5.0, 2.0], [3.0, 5.0, 3.0]])
    predicted = np.array([[3.0, 1.0, 4.0], [2.0, 2.0, 4.0], [1.0, 3.0, 4.0]])
    r = pearson_r(true, predicted)
    assert r[0] == pytest.approx(-1)
    assert np.isnan(r[1]), "constant truth"
    assert r[2] == 0, "constant prediction"
    found = agreement(true, predicted)
    assert found.mean_r == pytest.approx(-0.5)
    assert found.mae == pytest.approx((4 / 3, 3.0, 2.0))


def test_r_ignores_scale_and_shift() -> None:
    rng = np.random.default_rng(0)
    true, predicted = rng.normal(size=(2, 30, 8))
    np.testing.assert_allclose(pearson_r(true, predicted), pearson_r(true, 3 * predicted + 50))


def test_one_sample_has_no_r() -> None:
    assert np.isnan(pearson_r(np.ones((1, 8)), np.ones((1, 8)))).all()
    assert np.isnan(mean_over_dimensions(np.array([np.nan, np.nan])))


@pytest.mark.parametrize(
    ("true", "predicted", "said"),
    [
        (np.ones((3, 8)), np.ones((3, 7)), "share a shape"),
        (np.ones(3), np.ones(3), "share a shape"),
        (np.full((3, 8), np.nan), np.ones((3, 8)), "finite"),
        (np.ones((3, 8)), np.full((3, 8), np.inf), "finite"),
    ],
)
def test_what_cannot_be_compared_is_refused(true, predicted, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        agreement(true, predicted)


def test_no_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="no samples"):
        mean_absolute_error(np.ones((0, 8)), np.ones((0, 8)))
