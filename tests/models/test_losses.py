import pytest
import torch

from models.config import LossConfig
from models.head import ScoreHead
from models.losses import loss_terms


def test_huber_is_square_within_delta_and_straight_beyond() -> None:
    config = LossConfig(huber_weight=2.0, huber_delta=0.5)
    predicted, true = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.2, 3.0]])
    expected = 2.0 * (0.5 * 0.2**2 + 0.5 * (3.0 - 0.25)) / 2
    assert loss_terms(predicted, true, config)["huber"].item() == pytest.approx(expected)


def test_gradient_by_finite_differences() -> None:
    config = LossConfig(huber_weight=1.0, huber_delta=1.0)
    torch.manual_seed(0)
    predicted = (2 * torch.randn(4, 8, dtype=torch.double)).requires_grad_()
    true = torch.randn(4, 8, dtype=torch.double)
    assert torch.autograd.gradcheck(lambda p: loss_terms(p, true, config)["huber"], predicted)


def test_the_head_is_standardised_as_written(tiny_config) -> None:
    head = ScoreHead(8, tiny_config.head)
    torch.nn.init.zeros_(head.layers[-1].weight)
    torch.nn.init.constant_(head.layers[-1].bias, 2.0)
    scores = head(torch.randn(3, 8))
    assert (scores == 75 + 2 * 12.5).all()
    assert (head.standardise(scores) == 2.0).all()
