import itertools
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from labeling.scores import DIMENSIONS
from models.config.losses import LossConfig
from models.losses.label_density import LabelDensity
from models.losses.terms import LossTerms, Outputs

OFF: dict[str, Any] = {
    "huber": {"weight": 1.5, "delta": 1.0},
    "uncertainty_weighting": False,
    "label_density": None,
    "ranking": None,
    "contrastive": None,
    "modality_heads": None,
    "coral": None,
    "bootstrap": None,
}
ON: dict[str, Any] = {
    "huber": {"weight": 1.5, "delta": 1.0},
    "uncertainty_weighting": True,
    "label_density": {"bin_points": 2.0, "kernel_bins": 5, "kernel_sigma_bins": 2.0},
    "ranking": {"weight": 0.2, "least_difference_points": 5.0},
    "contrastive": {"weight": 0.1, "temperature": 0.1, "window_s": None, "alone_epochs": 0},
    "modality_heads": {"weight": 0.4},
    "coral": {"weight": 0.3, "lowest": 50.0, "highest": 100.0, "step_points": 10.0},
    "bootstrap": {"form": "hard", "beta": 0.8, "warmup_epochs": 3},
}
SWITCHES = [name for name in OFF if name != "huber"]
TRAIN = np.random.default_rng(0).uniform(50, 100, (300, 8)).astype(np.float32)
CENTRE, SCALE = 75.0, 12.5
BATCH = 12


def terms_with(*switched_on: str, **changed: Any) -> LossTerms:
    values = OFF | {name: ON[name] for name in switched_on} | changed
    config = LossConfig.model_validate(values)
    return LossTerms(config, score_centre=CENTRE, score_scale=SCALE, train_scores=TRAIN)


def outputs_of(seed: int = 1, **changed: torch.Tensor | None) -> Outputs:
    generator = torch.Generator().manual_seed(seed)
    shapes = {
        "predicted": (BATCH, 8),
        "ordinal_logits": (BATCH, 8, 4),
        "audio_windows": (BATCH, 6),
        "midi_windows": (BATCH, 6),
    }
    given: dict[str, Any] = {
        name: torch.randn(shape, generator=generator).requires_grad_()
        for name, shape in shapes.items()
    }
    given["both_present"] = torch.arange(BATCH) % 3 > 0
    given["by_modality"] = {
        name: (torch.randn(BATCH, 8, generator=generator).requires_grad_(), present)
        for name, present in (
            ("audio", torch.arange(BATCH) % 6 > 0),
            ("midi", torch.arange(BATCH) % 6 != 3),
        )
    }
    return Outputs(**(given | changed))


@pytest.fixture
def true_scores() -> torch.Tensor:
    return 50 + 50 * torch.rand(BATCH, 8, generator=torch.Generator().manual_seed(2))


def test_huber_alone_is_torchs_mean_times_its_weight(true_scores: torch.Tensor) -> None:
    outputs = outputs_of()
    terms = terms_with()(outputs, true_scores, epoch=3)
    plain = F.huber_loss(outputs.predicted, (true_scores - CENTRE) / SCALE)
    assert list(terms) == ["huber"]
    torch.testing.assert_close(terms["huber"], 1.5 * plain)


@pytest.mark.parametrize(
    "switched_on",
    [
        chosen
        for count in range(len(SWITCHES) + 1)
        for chosen in itertools.combinations(SWITCHES, count)
        if "bootstrap" not in chosen or "coral" in chosen
    ],
    ids="+".join,
)
def test_exactly_what_is_switched_on_has_a_term(
    true_scores: torch.Tensor, switched_on: tuple[str, ...]
) -> None:
    loss_terms, outputs = terms_with(*switched_on), outputs_of()
    terms, logged = (
        loss_terms(outputs, true_scores, epoch=3),
        loss_terms.logged(outputs, true_scores, epoch=3),
    )
    summed = {"ranking", "contrastive", "coral"} & set(switched_on)
    if "modality_heads" in switched_on:
        summed |= {"audio_head", "midi_head"}
    assert set(terms) == {"huber"} | summed
    assert all(term.shape == () and term.dtype == torch.float32 for term in terms.values())
    expected = set()
    if {"label_density", "uncertainty_weighting"} & set(switched_on):
        expected |= {"huber_plain"}
    if "label_density" in switched_on:
        expected |= {"label_density_mean_weight"}
    if "uncertainty_weighting" in switched_on:
        expected |= {f"uncertainty_weight/{name}" for name in DIMENSIONS}
    if "bootstrap" in switched_on:
        expected |= {"coral_plain", "bootstrap_moved"}
    assert set(logged) == expected
    assert not any(figure.requires_grad for figure in logged.values())

    torch.stack(list(terms.values())).sum().backward()
    for name, reached in (
        ("predicted", True),
        ("ordinal_logits", "coral" in switched_on),
        ("audio_windows", "contrastive" in switched_on),
        ("midi_windows", "contrastive" in switched_on),
    ):
        assert (getattr(outputs, name).grad is not None) == reached, name
    assert all(parameter.grad is not None for parameter in loss_terms.parameters())


def test_a_modalitys_head_has_the_huber_of_the_clips_that_have_it(
    true_scores: torch.Tensor,
) -> None:
    switched_on = ("modality_heads", "label_density", "uncertainty_weighting")
    loss_terms, outputs = terms_with(*switched_on), outputs_of()
    with torch.no_grad():
        loss_terms.uncertainty.log_variance.copy_(torch.linspace(-1, 1, 8))
    terms = loss_terms(outputs, true_scores, epoch=3)
    weights = LabelDensity(TRAIN, loss_terms.config.label_density).weights(true_scores)
    for name, (predicted, present) in outputs.by_modality.items():
        elements = F.huber_loss(predicted, (true_scores - CENTRE) / SCALE, reduction="none")
        by_dimension = (weights * elements)[present].mean(0)
        expected = 0.4 * (loss_terms.uncertainty.weights * by_dimension).mean()
        torch.testing.assert_close(terms[f"{name}_head"], expected)
    (terms["audio_head"] + terms["midi_head"]).backward()
    assert outputs.predicted.grad is None
    assert loss_terms.uncertainty.log_variance.grad is None
    nobody = torch.zeros(BATCH, dtype=torch.bool)
    absent = outputs_of(by_modality={"audio": (torch.randn(BATCH, 8), nobody)})
    assert loss_terms(absent, true_scores, epoch=3)["audio_head"] == 0


@pytest.mark.parametrize("name", ["huber", "ranking", "contrastive", "coral"])
def test_a_weight_multiplies_the_whole_of_its_term(true_scores: torch.Tensor, name: str) -> None:
    heavier = {name: ON[name] | {"weight": 2 * ON[name]["weight"]}}
    before = terms_with(*SWITCHES)(outputs_of(), true_scores, epoch=3)
    after = terms_with(*SWITCHES, **heavier)(outputs_of(), true_scores, epoch=3)
    for other in before:
        expected = before[other] * (2 if other == name else 1)
        torch.testing.assert_close(after[other], expected)


def test_contrast_has_its_first_epochs_alone_and_every_parameter_a_gradient(
    true_scores: torch.Tensor,
) -> None:
    alone = {"contrastive": ON["contrastive"] | {"alone_epochs": 2}}
    loss_terms, outputs = terms_with(*SWITCHES, **alone), outputs_of()
    usual = terms_with(*SWITCHES)(outputs, true_scores, epoch=1)
    terms = loss_terms(outputs, true_scores, epoch=1)
    assert {name for name, term in terms.items() if term != 0} == {"contrastive"}
    assert terms["contrastive"] == usual["contrastive"]
    assert loss_terms(outputs, true_scores, epoch=2).keys() == terms.keys()
    assert all(term != 0 for term in loss_terms(outputs, true_scores, epoch=2).values())
    torch.stack(list(terms.values())).sum().backward()
    assert outputs.predicted.grad is not None
    assert all(parameter.grad is not None for parameter in loss_terms.parameters())


def test_density_weighs_elements_before_uncertainty_weighs_dimensions(
    true_scores: torch.Tensor,
) -> None:
    loss_terms, outputs = terms_with("label_density", "uncertainty_weighting"), outputs_of()
    s = torch.linspace(-1, 1, 8)
    with torch.no_grad():
        loss_terms.uncertainty.log_variance.copy_(s)
    config = loss_terms.config.label_density
    weights = LabelDensity(TRAIN, config).weights(true_scores)
    elements = F.huber_loss(outputs.predicted, (true_scores - CENTRE) / SCALE, reduction="none")
    expected = ((-s).exp() * (weights * elements).mean(0) + s).mean()
    torch.testing.assert_close(loss_terms(outputs, true_scores, epoch=3)["huber"], 1.5 * expected)
    logged = loss_terms.logged(outputs, true_scores, epoch=3)
    torch.testing.assert_close(logged["huber_plain"], elements.mean())
    torch.testing.assert_close(logged["label_density_mean_weight"], weights.mean())
    assert logged[f"uncertainty_weight/{DIMENSIONS[7]}"].item() == pytest.approx(np.exp(-1))


def test_fresh_uncertainty_weighting_changes_no_term(true_scores: torch.Tensor) -> None:
    plain = terms_with()(outputs_of(), true_scores, epoch=3)
    weighted = terms_with("uncertainty_weighting")(outputs_of(), true_scores, epoch=3)
    torch.testing.assert_close(weighted, plain)


def test_bootstrapping_is_what_told_says_it_is(true_scores: torch.Tensor) -> None:
    loss_terms, outputs = terms_with("coral", "bootstrap"), outputs_of()
    logged = loss_terms.logged(outputs, true_scores, epoch=3)
    plain = terms_with("coral")(outputs, true_scores, epoch=3)["coral"]
    torch.testing.assert_close(0.3 * logged["coral_plain"], plain)
    assert torch.equal(loss_terms(outputs, true_scores, epoch=2)["coral"], plain), "warming up"
    assert loss_terms(outputs, true_scores, epoch=3)["coral"] < plain, (
        "it disbelieves the label in part"
    )
    labels = true_scores[..., None] > torch.tensor([60.0, 70.0, 80.0, 90.0])
    disagree = (outputs.ordinal_logits > 0) != labels
    torch.testing.assert_close(logged["bootstrap_moved"], 0.2 * disagree.float().mean())
    sure = outputs_of(ordinal_logits=100 * (labels.float() - 0.5))
    assert loss_terms.logged(sure, true_scores, epoch=3)["bootstrap_moved"] == 0


def test_ranking_takes_its_least_difference_in_points() -> None:
    predicted = torch.zeros(2, 8)
    for points, pairs in ((4.9, False), (5.1, True)):
        true = torch.full((2, 8), 75.0)
        true[0] += points
        term = terms_with("ranking")(outputs_of(predicted=predicted), true, epoch=0)["ranking"]
        assert term.item() == pytest.approx(0.2 * np.log(2) if pairs else 0.0)


@pytest.mark.parametrize("absent", ["audio_windows", "midi_windows"])
def test_one_modality_has_nothing_to_contrast(true_scores: torch.Tensor, absent: str) -> None:
    outputs = outputs_of(**{absent: None, "both_present": None})
    assert "contrastive" not in terms_with(*SWITCHES)(outputs, true_scores, epoch=3)


def test_terms_are_float32_under_autocast_and_the_same_as_without_it(
    true_scores: torch.Tensor,
) -> None:
    loss_terms = terms_with(*SWITCHES)
    halves = {
        name: getattr(outputs_of(), name).detach().bfloat16()
        for name in ("predicted", "ordinal_logits", "audio_windows", "midi_windows")
    }
    wide = {name: value.float() for name, value in halves.items()}
    without = loss_terms(outputs_of(**wide), true_scores, epoch=3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        within = loss_terms(outputs_of(**halves), true_scores, epoch=3)
        logged = loss_terms.logged(outputs_of(**halves), true_scores, epoch=3)
    assert all(figure.dtype == torch.float32 for figure in (within | logged).values())
    torch.testing.assert_close(within, without, rtol=0, atol=0)


def test_only_what_is_learnt_is_saved() -> None:
    assert list(terms_with(*SWITCHES).state_dict()) == ["uncertainty.log_variance"]
    assert list(terms_with().parameters()) == []


def test_miswired_outputs_are_refused(true_scores: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"predicted's shape \(12, 8\), got \(12, 1\)"):
        terms_with()(outputs_of(), true_scores[:, :1], epoch=0)
