"""What holds for every fusion, by whatever name it is asked for."""

from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from models.config.experiment import Experiment, FusionConfig
from models.networks.fusion import ConcatFusion, CrossAttentionFusion, GatedFusion, make_fusion

WIDTH = 8
CONFIG = FusionConfig(heads=2, modality_dropout=0.0)
FUSIONS: dict[Experiment, type[nn.Module]] = {
    "crossattn": CrossAttentionFusion,
    "gated": GatedFusion,
    "concat": ConcatFusion,
}


@pytest.fixture(params=[(name, mode) for name in FUSIONS for mode in ("train", "eval")])
def fusion(request: pytest.FixtureRequest) -> nn.Module:
    name, mode = request.param
    torch.manual_seed(0)
    return make_fusion(name, WIDTH, CONFIG).train(mode == "train")


@pytest.fixture
def steps() -> tuple[Tensor, Tensor, Tensor]:
    """Audio and MIDI of three clips of 7, 4 and 1 real steps."""
    audio, midi = torch.randn(2, 3, 7, WIDTH, generator=torch.Generator().manual_seed(1))
    return audio, midi, torch.arange(7) < torch.tensor([[7], [4], [1]])


def test_each_experiment_of_two_modalities_has_its_fusion() -> None:
    for name, kind in FUSIONS.items():
        assert type(make_fusion(name, WIDTH, CONFIG)) is kind
    for name in set(get_args(Experiment)) - set(FUSIONS):
        with pytest.raises(ValueError, match=f"two modalities to fuse, got '{name}'"):
            make_fusion(name, WIDTH, CONFIG)


def test_contributions_sum_to_the_steps_but_for_a_constant(
    fusion: nn.Module, steps: tuple[Tensor, Tensor, Tensor]
) -> None:
    audio, midi, mask = steps
    fused = fusion(audio, midi, mask)
    rest = fused.steps - fused.audio - fused.midi
    torch.testing.assert_close(rest, rest[:1, :1].expand_as(rest), atol=1e-6, rtol=0)
    assert fused.steps.shape == fused.audio.shape == fused.midi.shape == audio.shape


@pytest.mark.parametrize("absent", ["audio", "midi"])
def test_a_modality_that_is_taken_away_contributes_nothing(
    fusion: nn.Module, steps: tuple[Tensor, Tensor, Tensor], absent: str
) -> None:
    sides = dict(zip(("audio", "midi"), steps[:2], strict=True))
    sides[absent] = torch.zeros_like(sides[absent])
    fused = fusion(sides["audio"], sides["midi"], steps[2])
    assert (getattr(fused, absent) == 0).all()
    present = fused.midi if absent == "audio" else fused.audio
    assert (present.norm(dim=-1) > 0).all()


def test_what_lies_beyond_the_length_changes_nothing(
    fusion: nn.Module, steps: tuple[Tensor, Tensor, Tensor]
) -> None:
    audio, midi, mask = steps
    before = fusion(audio, midi, mask)
    noisy = (torch.where(mask[..., None], side, 1000 * side) for side in (audio, midi))
    after = fusion(*noisy, mask)
    for name in ("steps", "audio", "midi"):
        torch.testing.assert_close(getattr(after, name)[mask], getattr(before, name)[mask])
    alone = fusion(audio[1:2, :4], midi[1:2, :4], mask[1:2, :4])
    torch.testing.assert_close(alone.steps[0], before.steps[1, :4])


def test_both_sides_learn(fusion: nn.Module, steps: tuple[Tensor, Tensor, Tensor]) -> None:
    fusion(*steps).steps.square().sum().backward()
    assert all(
        weight.grad is not None and weight.grad.any() and weight.grad.isfinite().all()
        for weight in fusion.parameters()
    )


def test_bfloat16_autocast_is_near_float32(
    fusion: nn.Module, steps: tuple[Tensor, Tensor, Tensor]
) -> None:
    exact = fusion(*steps)
    with torch.autocast("cpu", torch.bfloat16):
        rough = fusion(*steps)
    mask = steps[2]
    torch.testing.assert_close(rough.steps[mask].float(), exact.steps[mask], atol=0.05, rtol=0.05)
    assert all(weight.dtype == torch.float32 for weight in rough.attention.values())
