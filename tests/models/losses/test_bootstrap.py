from functools import cache

import pytest
import torch
import torch.nn.functional as F

from models.config.losses import BootstrapConfig
from models.losses.bootstrap import bootstrapped_levels
from models.losses.coral import coral_loss

SOFT = BootstrapConfig(form="soft", beta=0.95, warmup_epochs=0)
HARD = BootstrapConfig(form="hard", beta=0.8, warmup_epochs=0)


@pytest.fixture
def logits() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return (2 * torch.randn(6, 8, 4, generator=generator, dtype=torch.float64)).requires_grad_()


@pytest.fixture
def labels() -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return (torch.rand(6, 8, 4, generator=generator) > 0.5).double()


def bootstrapped_coral_loss(
    logits: torch.Tensor, labels: torch.Tensor, config: BootstrapConfig
) -> torch.Tensor:
    return coral_loss(logits, bootstrapped_levels(logits, labels, config))


def gradient(loss: torch.Tensor, of: torch.Tensor) -> torch.Tensor:
    (found,) = torch.autograd.grad(loss, of)
    return found


@pytest.mark.parametrize("config", [SOFT, HARD], ids=["soft", "hard"])
def test_reeds_formula_over_the_two_classes_of_each_threshold(
    logits: torch.Tensor, labels: torch.Tensor, config: BootstrapConfig
) -> None:
    q = torch.stack([logits.sigmoid(), 1 - logits.sigmoid()])
    t = torch.stack([labels, 1 - labels])
    belief = q if config.form == "soft" else (q == q.max(0).values).double()
    formula = -((config.beta * t + (1 - config.beta) * belief) * q.log()).sum(0)
    found = bootstrapped_coral_loss(logits, labels, config)
    torch.testing.assert_close(found, formula.sum(-1).mean())


@pytest.mark.parametrize("config", [SOFT, HARD], ids=["soft", "hard"])
def test_gradient_agrees_with_finite_differences(
    logits: torch.Tensor, labels: torch.Tensor, config: BootstrapConfig
) -> None:
    assert logits.abs().min() > 1e-4, "the argmax has a step at 0"
    assert torch.autograd.gradcheck(lambda z: bootstrapped_coral_loss(z, labels, config), logits)


def test_gradients_are_those_of_the_docstring(logits: torch.Tensor, labels: torch.Tensor) -> None:
    z, examples = logits.detach(), 6 * 8
    q = z.sigmoid()
    soft = 0.95 * (q - labels) - 0.05 * z * q * (1 - q)
    hard = q - 0.8 * labels - 0.2 * (q > 0.5)
    for config, expected in ((SOFT, soft), (HARD, hard)):
        found = gradient(bootstrapped_coral_loss(logits, labels, config), logits)
        torch.testing.assert_close(found * examples, expected)


def test_on_a_squared_error_it_would_do_nothing(labels: torch.Tensor) -> None:
    """Why it is not there: the gradient is the plain one, only smaller."""
    generator = torch.Generator().manual_seed(2)
    p = torch.rand(labels.shape, generator=generator, dtype=torch.float64).requires_grad_()
    plain = gradient(F.mse_loss(p, labels), p)
    held = gradient(F.mse_loss(p, 0.8 * labels + 0.2 * p.detach()), p)
    torch.testing.assert_close(held, 0.8 * plain)
    through = gradient(F.mse_loss(p, 0.8 * labels + 0.2 * p), p)
    torch.testing.assert_close(through, 0.8**2 * plain)


def test_soft_without_the_gradient_through_its_target_would_do_nothing(
    logits: torch.Tensor, labels: torch.Tensor
) -> None:
    held = coral_loss(logits, bootstrapped_levels(logits, labels, SOFT).detach())
    plain = gradient(coral_loss(logits, labels), logits)
    torch.testing.assert_close(gradient(held, logits), 0.95 * plain)


@pytest.mark.parametrize("config", [SOFT, HARD], ids=["soft", "hard"])
def test_here_the_gradient_is_no_multiple_of_the_plain_one(
    logits: torch.Tensor, labels: torch.Tensor, config: BootstrapConfig
) -> None:
    ratio = gradient(bootstrapped_coral_loss(logits, labels, config), logits) / gradient(
        coral_loss(logits, labels), logits
    )
    assert ratio.max() - ratio.min() > 0.1
    agrees = (logits > 0) == (labels > 0)
    if config.form == "hard":
        torch.testing.assert_close(ratio[agrees], torch.ones_like(ratio[agrees]))
        assert (ratio[~agrees] < 0.8).all(), "labels that it disbelieves pull less"


def test_hard_belief_has_no_gradient_and_targets_stay_distributions(
    logits: torch.Tensor, labels: torch.Tensor
) -> None:
    assert not bootstrapped_levels(logits, labels, HARD).requires_grad
    for config in (SOFT, HARD):
        targets = bootstrapped_levels(logits, labels, config)
        assert ((targets >= 0) & (targets <= 1)).all()
        moved = (targets - labels).abs()
        assert moved.max() <= 1 - config.beta + 1e-12


# An experiment on noisy labels, eight networks side by side.
NETWORKS, SAMPLES, TEST, FEATURES, THRESHOLDS, HIDDEN = 8, 600, 500, 10, 5, 32
TURN, STEPS = 50, 250


@cache
def clean_error_after(
    noise: float, config: BootstrapConfig | None, first_step: int
) -> torch.Tensor:
    """Return the mean error in levels on clean test data (NETWORKS,).

    One linear truth a network, cut into six levels; each training label is with probability
    `noise` replaced by one drawn from all six. The network can learn the noise by heart, and
    begins to after some tens of steps. `config` takes over from plain CORAL at `first_step`.
    """
    generator = torch.Generator().manual_seed(0)
    direction = torch.randn(NETWORKS, FEATURES, 1, generator=generator)
    features = torch.randn(NETWORKS, SAMPLES + TEST, FEATURES, generator=generator)
    truth = features @ (direction / direction.norm(dim=1, keepdim=True))
    clean = truth > torch.linspace(-1.2, 1.2, THRESHOLDS)
    level = clean[:, :SAMPLES].sum(-1)
    random_level = torch.randint(0, THRESHOLDS + 1, level.shape, generator=generator)
    noisy = torch.rand(level.shape, generator=generator) < noise
    given = torch.where(noisy, random_level, level)
    labels = (given[..., None] > torch.arange(THRESHOLDS)).float()

    hidden = torch.randn(NETWORKS, FEATURES, HIDDEN, generator=generator) / FEATURES**0.5
    weight = torch.randn(NETWORKS, HIDDEN, 1, generator=generator) / HIDDEN**0.5
    falling = torch.arange(THRESHOLDS, 0, -1) / THRESHOLDS
    parameters = [hidden, torch.zeros(NETWORKS, 1, HIDDEN), weight, falling.repeat(NETWORKS, 1, 1)]
    for parameter in parameters:
        parameter.requires_grad_()
    optimizer = torch.optim.Adam(parameters, lr=0.01)

    def logits(features: torch.Tensor) -> torch.Tensor:
        return (features @ parameters[0] + parameters[1]).relu() @ parameters[2] + parameters[3]

    for step in range(STEPS):
        found = logits(features[:, :SAMPLES])
        if config is None or step < first_step:
            loss = coral_loss(found, labels)
        else:
            loss = bootstrapped_coral_loss(found, labels, config)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        answers = logits(features[:, SAMPLES:]) > 0
    return (answers != clean[:, SAMPLES:]).float().sum(-1).mean(1)


@pytest.mark.slow
def test_on_noisy_labels_it_lowers_the_error_on_clean_ones() -> None:
    plain, hard = clean_error_after(0.4, None, TURN), clean_error_after(0.4, HARD, TURN)
    assert (hard < plain).sum() >= 7, "of eight networks"
    assert hard.mean() < 0.97 * plain.mean()


@pytest.mark.slow
@pytest.mark.parametrize(("noise", "first_step"), [(0.4, 0), (0.0, TURN)])
def test_it_helps_neither_from_random_weights_nor_on_clean_labels(
    noise: float, first_step: int
) -> None:
    """The limits told in the module: a belief worth leaning on, and noise to be saved from."""
    plain, hard = clean_error_after(noise, None, TURN), clean_error_after(noise, HARD, first_step)
    assert hard.mean() > plain.mean()
