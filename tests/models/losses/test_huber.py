import pytest
import torch
import torch.nn.functional as F

from models.losses.huber import huber


def test_square_within_delta_and_straight_beyond() -> None:
    predicted = torch.tensor([0.0, 0.5, -0.5, 1.0, 3.0, -3.0])
    expected = torch.tensor([0.0, 0.125, 0.125, 0.5, 2.5, 2.5])
    torch.testing.assert_close(huber(predicted, torch.zeros(6), 1.0), expected)


@pytest.mark.parametrize("delta", [0.3, 1.0, 2.0])
def test_mean_is_torchs_and_no_error_pulls_harder_than_delta(delta: float) -> None:
    generator = torch.Generator().manual_seed(0)
    predicted = 3 * torch.randn(20, 8, generator=generator)
    predicted.requires_grad_()
    true = torch.randn(20, 8, generator=generator)
    loss = huber(predicted, true, delta)
    assert loss.shape == (20, 8)
    torch.testing.assert_close(loss.mean(), F.huber_loss(predicted, true, delta=delta))
    (pull,) = torch.autograd.grad(loss.sum(), predicted)
    torch.testing.assert_close(pull, (predicted - true).detach().clamp(-delta, delta))


def test_gradient_agrees_with_finite_differences() -> None:
    generator = torch.Generator().manual_seed(1)
    predicted = torch.randn(4, 8, generator=generator, dtype=torch.float64).requires_grad_()
    true = torch.randn(4, 8, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: huber(x, true, 0.7), predicted)


def test_what_torch_would_broadcast_is_refused() -> None:
    with pytest.raises(ValueError, match=r"share a shape, got \(4, 8\) and \(4, 1\)"):
        huber(torch.zeros(4, 8), torch.zeros(4, 1), 1.0)
