import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.config.losses import LabelDensityConfig
from models.losses.label_density import LabelDensity, kernel

SMOOTH = LabelDensityConfig(bin_points=1.0, kernel_bins=5, kernel_sigma_bins=2.0)
UNSMOOTHED = LabelDensityConfig(bin_points=10.0, kernel_bins=1, kernel_sigma_bins=2.0)


def scores(seed: int, rows: int = 400) -> NDArray[np.float32]:
    """Skewed scores, each dimension with a skew of its own."""
    rng = np.random.default_rng(seed)
    skews = np.linspace(1.5, 6, 8)
    return (50 + 50 * rng.beta(skews, 1.5, (rows, 8))).astype(np.float32)


def test_the_window_of_the_paper() -> None:
    np.testing.assert_allclose(kernel(5, 2.0), [0.8583, 0.9458, 1.0, 0.9458, 0.8583], atol=5e-5)


@pytest.mark.parametrize(("bins", "sigma"), [(1, 1.0), (3, 0.5), (5, 2.0), (9, 3.0)])
def test_a_window_is_even_and_falls_from_one(bins: int, sigma: float) -> None:
    window = kernel(bins, sigma)
    assert window[bins // 2] == 1
    np.testing.assert_allclose(window, window[::-1])
    assert (np.diff(window[bins // 2 :]) < 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_weights_of_the_training_scores_average_one_in_each_dimension(seed: int) -> None:
    train = scores(seed)
    weights = LabelDensity(train, SMOOTH).weights(torch.tensor(train))
    torch.testing.assert_close(weights.mean(0), torch.ones(8))


def test_weights_are_one_over_smoothed_density() -> None:
    train = scores(4)
    weights = LabelDensity(train, SMOOTH).weights(torch.tensor(train)).numpy()
    for dimension in range(8):
        column = np.floor(train[:, dimension]).astype(int)
        density = np.array([(column == point).sum() for point in range(100)], float)
        smoothed = np.convolve(density, kernel(5, 2.0), mode="same")
        expected = 1 / smoothed[column]
        expected *= len(train) / expected.sum()
        np.testing.assert_allclose(weights[:, dimension], expected, rtol=1e-5)


def test_unsmoothed_every_bin_weighs_alike_in_sum() -> None:
    train = np.repeat(np.float32([[55.0], [65.0], [75.0]]), [1, 3, 6], axis=0).repeat(8, axis=1)
    weights = LabelDensity(train, UNSMOOTHED).weights(torch.tensor(train))[:, 0]
    by_bin = [weights[rows].sum().item() for rows in ([0], [1, 2, 3], list(range(4, 10)))]
    assert by_bin == pytest.approx([10 / 3] * 3)


def test_a_dimension_knows_nothing_of_the_others() -> None:
    train = scores(5)
    other = train.copy()
    other[:, 3] = scores(6)[:, 0]
    kept = np.arange(8) != 3
    before, after = (LabelDensity(rows, SMOOTH).weight_of_bin for rows in (train, other))
    torch.testing.assert_close(before[kept], after[kept])
    assert not torch.equal(before[3], after[3])


def test_scores_that_training_never_saw_weigh_as_the_rarest() -> None:
    train = np.full((30, 8), 75.0, np.float32)
    train[0] = 55
    density = LabelDensity(train, UNSMOOTHED)
    far = density.weights(torch.full((1, 8), 5.0))
    torch.testing.assert_close(far, density.weights(torch.full((1, 8), 55.0)))
    beyond = density.weights(torch.tensor([[-3.0] * 8, [104.0] * 8]))
    assert torch.equal(beyond, density.weights(torch.tensor([[0.0] * 8, [100.0] * 8])))


def test_the_last_bin_is_short_where_bins_do_not_divide_the_range() -> None:
    train = np.repeat(np.float32([[97.0], [99.0]]), [9, 1], axis=0).repeat(8, axis=1)
    config = LabelDensityConfig(bin_points=7.0, kernel_bins=1, kernel_sigma_bins=1.0)
    weights = LabelDensity(train, config).weights(torch.tensor([[97.0] * 8, [99.0] * 8]))
    torch.testing.assert_close(weights[1], 9 * weights[0])


def test_the_table_moves_with_the_module_and_is_not_saved() -> None:
    density = LabelDensity(scores(0), SMOOTH)
    assert density.state_dict() == {}
    assert density.to("meta").weight_of_bin.device.type == "meta"
