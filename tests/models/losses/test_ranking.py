import itertools
import math

import pytest
import torch

from models.losses.ranking import ranking


def random(seed: int, rows: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    predicted, true = torch.randn(2, rows, 8, generator=generator, dtype=torch.float64)
    return predicted.requires_grad_(), 75 + 12 * true


@pytest.mark.parametrize("margin", [-2.0, 0.0, 0.5, 3.0])
def test_one_pair_costs_the_logistic_of_its_margin(margin: float) -> None:
    loss = ranking(torch.tensor([[0.0], [margin]]), torch.tensor([[60.0], [80.0]]), 5.0)
    assert loss.item() == pytest.approx(math.log1p(math.exp(-margin)))


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_mean_over_pairs_then_dimensions(seed: int) -> None:
    predicted, true = random(seed)
    true[:, 5] = 75.0  # no pair at all in this dimension
    means = []
    for dimension in range(8):
        p, t = predicted[:, dimension].tolist(), true[:, dimension].tolist()
        costs = [
            math.log1p(math.exp(p[j] - p[i]))
            for i, j in itertools.permutations(range(6), 2)
            if t[i] - t[j] >= 8.0
        ]
        means += [sum(costs) / len(costs)] if costs else []
    assert len(means) == 7
    assert ranking(predicted, true, 8.0).item() == pytest.approx(sum(means) / 7)


def test_a_pair_counts_from_the_least_difference_on() -> None:
    predicted, true = torch.tensor([[1.0], [0.0]]), torch.tensor([[70.0], [75.0]])
    assert ranking(predicted, true, 5.0) > 1
    assert ranking(predicted, true, 5.1) == 0


def test_only_differences_of_predictions_and_the_order_of_truth_matter() -> None:
    predicted, true = random(3)
    loss = ranking(predicted, true, 1e-6)
    torch.testing.assert_close(ranking(predicted + 7, true, 1e-6), loss)
    torch.testing.assert_close(ranking(predicted, (true / 10).exp(), 1e-6), loss)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ranking(predicted[order], true[order], 1e-6), loss)
    assert ranking(true, true, 1e-6) < ranking(-true, true, 1e-6)


@pytest.mark.parametrize("rows", [1, 4])
def test_without_a_pair_it_is_zero_and_so_is_its_gradient(rows: int) -> None:
    predicted, _ = random(0, rows)
    loss = ranking(predicted, torch.full((rows, 8), 75.0, dtype=torch.float64), 5.0)
    assert loss.item() == 0
    loss.backward()
    assert torch.equal(predicted.grad, torch.zeros(rows, 8, dtype=torch.float64))


def test_a_hopeless_pair_costs_its_margin_and_does_not_overflow() -> None:
    loss = ranking(torch.tensor([[1e4], [-1e4]]), torch.tensor([[60.0], [80.0]]), 5.0)
    assert loss.item() == pytest.approx(2e4)


def test_gradient_agrees_with_finite_differences() -> None:
    predicted, true = random(9)
    assert torch.autograd.gradcheck(lambda x: ranking(x, true, 8.0), predicted)
