import pytest
import torch
import torch.nn.functional as F

from models.losses.coral import CoralHead, coral_loss, levels

# The documented example of coral-pytorch's coral_loss.
LEVELS = torch.tensor([[1.0, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1]])
LOGITS = torch.tensor([[2.1, 1.8, -2.1, -1.8], [1.9, -1, -1.5, -1.3], [1.9, 1.8, 1.7, 1.6]])


def test_the_documented_example_of_coral_pytorch() -> None:
    assert coral_loss(LOGITS, LEVELS).item() == pytest.approx(0.6920, abs=5e-5)


def test_eight_dimensions_alike_cost_what_one_does() -> None:
    eight = coral_loss(LOGITS[:, None].expand(3, 8, 4), LEVELS[:, None].expand(3, 8, 4))
    assert eight.item() == pytest.approx(0.6920, abs=5e-5)


def test_it_is_the_sum_of_binary_cross_entropies_also_for_targets_between() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 4 * torch.randn(5, 8, 3, generator=generator)
    targets = torch.rand(5, 8, 3, generator=generator)
    entropies = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    torch.testing.assert_close(coral_loss(logits, targets), entropies.sum(2).mean())


def test_it_stays_finite_where_the_sigmoid_is_all_used_up() -> None:
    logits = torch.tensor([[1e4, -1e4]], requires_grad=True)
    assert coral_loss(logits, torch.tensor([[1.0, 0.0]])).item() == 0
    loss = coral_loss(logits, torch.tensor([[0.0, 1.0]]))
    assert loss.item() == pytest.approx(2e4)
    loss.backward()
    assert logits.grad.tolist() == [[1.0, -1.0]]


def test_gradient_agrees_with_finite_differences() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(3, 8, 4, generator=generator, dtype=torch.float64).requires_grad_()
    y = (torch.rand(3, 8, 4, generator=generator) > 0.5).double()
    assert torch.autograd.gradcheck(lambda z: coral_loss(z, y), logits)


def test_levels_count_the_thresholds_below_a_score() -> None:
    thresholds = torch.tensor([60.0, 70.0, 80.0])
    scores = torch.tensor([[50.0, 60.0, 60.1, 75.0, 80.0, 99.0]])
    found = levels(scores, thresholds)
    assert found.shape == (1, 6, 3)
    assert found.sum(2).tolist() == [[0, 0, 1, 2, 2, 3]]
    assert (found.diff(dim=2) <= 0).all(), "no level is reached without those below it"


def test_a_head_starts_with_the_biases_of_coral_pytorch() -> None:
    head = CoralHead(6, 4)
    assert head(torch.zeros(2, 6)).tolist() == [[[1.0, 0.75, 0.5, 0.25]] * 8] * 2


def test_all_thresholds_of_a_dimension_share_one_weight_vector_and_no_two_dimensions_do() -> None:
    head = CoralHead(6, 4)
    assert sum(parameter.numel() for parameter in head.parameters()) == 8 * 6 + 8 * 4
    features = torch.randn(5, 6, generator=torch.Generator().manual_seed(2))
    steps = head(features).diff(dim=2)
    torch.testing.assert_close(steps, steps[:1].expand(5, 8, 3))
    head(features)[:, 3].sum().backward()
    for parameter in head.parameters():
        touched = parameter.grad.abs().sum(1) > 0
        assert touched.tolist() == [dimension == 3 for dimension in range(8)]


def test_gradients_of_a_head_agree_with_finite_differences() -> None:
    head = CoralHead(3, 2).double()
    generator = torch.Generator().manual_seed(3)
    weight = torch.randn(8, 3, generator=generator, dtype=torch.float64).requires_grad_()
    bias = torch.randn(8, 2, generator=generator, dtype=torch.float64).requires_grad_()
    features = torch.randn(4, 3, generator=generator, dtype=torch.float64)

    def logits(weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        named = {"weight.weight": weight, "bias": bias}
        return torch.func.functional_call(head, named, features)

    assert torch.autograd.gradcheck(logits, (weight, bias))


def test_training_puts_the_biases_in_order() -> None:
    """Theorem 1 of Cao et al.: at the optimum, no answer contradicts another."""
    generator = torch.Generator().manual_seed(4)
    features = torch.randn(200, 6, generator=generator)
    truth = features @ torch.randn(6, 8, generator=generator)
    targets = levels(truth, torch.tensor([-1.0, 0.0, 1.0]))
    head = CoralHead(6, 3)
    with torch.no_grad():
        head.bias.copy_(torch.tensor([-1.0, 0.0, 1.0]))
    optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        coral_loss(head(features), targets).backward()
        optimizer.step()
    assert (head.bias.diff(dim=1) < 0).all()
    assert ((head(features) > 0).float() == targets).float().mean() > 0.95
