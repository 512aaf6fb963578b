import pytest
import torch

from models.losses.uncertainty import UncertaintyWeighting


def weighting(log_variance: torch.Tensor) -> UncertaintyWeighting:
    module = UncertaintyWeighting().to(log_variance.dtype)
    with torch.no_grad():
        module.log_variance.copy_(log_variance)
    return module


@pytest.fixture
def losses() -> torch.Tensor:
    return torch.tensor([0.1, 0.2, 0.4, 0.5, 0.8, 1.0, 1.5, 3.0], dtype=torch.float64)


def test_switched_on_it_starts_as_the_plain_mean(losses: torch.Tensor) -> None:
    module = UncertaintyWeighting().double()
    losses.requires_grad_()
    weighted = module(losses)
    torch.testing.assert_close(weighted, losses.mean())
    (gradient,) = torch.autograd.grad(weighted, losses)
    torch.testing.assert_close(gradient, torch.full((8,), 1 / 8, dtype=torch.float64))


def test_it_is_a_quarter_of_kendalls_sum(losses: torch.Tensor) -> None:
    s = torch.linspace(-2, 2, 8, dtype=torch.float64)
    kendall = (0.5 * torch.exp(-s) * losses + 0.5 * s).sum()
    torch.testing.assert_close(weighting(s)(losses), kendall * 2 / 8)


def test_no_other_s_is_better_than_the_log_of_the_loss(losses: torch.Tensor) -> None:
    best = weighting(losses.log())
    lowest = best(losses)
    (slope,) = torch.autograd.grad(lowest, best.log_variance)
    torch.testing.assert_close(slope, torch.zeros(8, dtype=torch.float64))
    for dimension in range(8):
        for step in (-0.1, 0.1):
            moved = losses.log()
            moved[dimension] += step
            assert weighting(moved)(losses) > lowest


def test_a_dimension_that_fits_badly_comes_to_weigh_less(losses: torch.Tensor) -> None:
    module = UncertaintyWeighting()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    for _ in range(50):
        optimizer.zero_grad()
        module(losses.float()).backward()
        optimizer.step()
    weights = module.weights.detach()
    assert (weights.diff() < 0).all(), "losses rise with the dimension"
    assert weights[0] > 1 > weights[-1]


def test_gradients_agree_with_finite_differences(losses: torch.Tensor) -> None:
    module = UncertaintyWeighting().double()
    s = torch.linspace(-1, 1, 8, dtype=torch.float64).requires_grad_()
    losses.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda s, losses: torch.func.functional_call(module, {"log_variance": s}, losses),
        (s, losses),
    )
