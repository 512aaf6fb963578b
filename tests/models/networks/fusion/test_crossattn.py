import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.networks.fusion.crossattn import (
    CrossAttention,
    CrossAttentionFusion,
    step_positions,
)
from models.networks.fusion.fused import norm_share

WIDTH, HEADS, STEPS = 8, 2, 6
Floats = NDArray[np.float64]


@pytest.fixture
def fusion() -> CrossAttentionFusion:
    torch.manual_seed(0)
    return CrossAttentionFusion(WIDTH, HEADS).eval()


@pytest.fixture
def steps() -> tuple[Tensor, Tensor, Tensor]:
    """Audio and MIDI of two clips, of all steps and of all but two."""
    audio, midi = torch.randn(2, 2, STEPS, WIDTH, generator=torch.Generator().manual_seed(1))
    return audio, midi, torch.arange(STEPS) < torch.tensor([[STEPS], [STEPS - 2]])


def weights_of(layer: CrossAttention) -> tuple[Floats, ...]:
    layers = (layer.query, layer.key, layer.value, layer.out)
    return tuple(part.weight.detach().double().numpy() for part in layers)


def taken(layer: CrossAttention, own: Floats, other: Floats) -> Floats:
    """What one clip's steps take from the other side, one query and one head at a time."""
    w_q, w_k, w_v, w_o = weights_of(layer)
    where = np.zeros((len(own), WIDTH))
    for step in range(len(own)):
        for pair in range(WIDTH // 2):
            angle = step / 10_000 ** (2 * pair / WIDTH)
            where[step, 2 * pair : 2 * pair + 2] = np.sin(angle), np.cos(angle)
    queries, keys, values = (own + where) @ w_q.T, (other + where) @ w_k.T, other @ w_v.T
    size = WIDTH // HEADS
    result = np.zeros_like(own)
    for head in range(HEADS):
        part = slice(head * size, (head + 1) * size)
        for step in range(len(own)):
            weight = np.exp(keys[:, part] @ queries[step, part] / np.sqrt(size))
            result[step, part] = weight / weight.sum() @ values[:, part]
    return result @ w_o.T


def test_against_the_formula(
    fusion: CrossAttentionFusion, steps: tuple[Tensor, Tensor, Tensor]
) -> None:
    audio, midi, mask = steps
    fused = fusion(audio, midi, mask)
    weight = fusion.linear.weight.detach().double().numpy()
    w_a, w_m = weight[:, :WIDTH], weight[:, WIDTH:]
    bias = fusion.linear.bias.detach().double().numpy()
    for clip, real in enumerate(mask.numpy()):
        x_a, x_m = audio[clip].double().numpy()[real], midi[clip].double().numpy()[real]
        of_midi, of_audio = (
            taken(fusion.audio_to_midi, x_a, x_m),
            taken(fusion.midi_to_audio, x_m, x_a),
        )
        expected = {
            "steps": (x_a + of_midi) @ w_a.T + (x_m + of_audio) @ w_m.T + bias,
            "audio": x_a @ w_a.T + of_audio @ w_m.T,
            "midi": x_m @ w_m.T + of_midi @ w_a.T,
        }
        for name, wanted in expected.items():
            got = getattr(fused, name)[clip].detach().numpy()[real]
            np.testing.assert_allclose(got, wanted, atol=2e-6, err_msg=name)
        norms = np.linalg.norm(of_midi, axis=-1), np.linalg.norm(x_a, axis=-1)
        np.testing.assert_allclose(
            fused.mixing["audio_to_midi"][clip].detach().numpy()[real],
            norms[0] / (norms[0] + norms[1]),
            atol=1e-6,
        )


def test_training_and_evaluation_agree(
    fusion: CrossAttentionFusion, steps: tuple[Tensor, Tensor, Tensor]
) -> None:
    evaluated, trained = fusion(*steps), fusion.train()(*steps)
    for name in ("steps", "audio", "midi"):
        torch.testing.assert_close(getattr(trained, name), getattr(evaluated, name))
    assert trained.attention == trained.mixing == {}
    assert set(evaluated.attention) == set(evaluated.mixing) == {"audio_to_midi", "midi_to_audio"}


def test_weights_sum_to_1_and_padding_weighs_nothing(
    fusion: CrossAttentionFusion, steps: tuple[Tensor, Tensor, Tensor]
) -> None:
    mask = steps[2]
    for weight in fusion(*steps).attention.values():
        assert weight.shape == (2, HEADS, STEPS, STEPS)
        torch.testing.assert_close(weight.sum(-1), torch.ones(2, HEADS, STEPS))
        assert (weight.permute(0, 3, 1, 2)[~mask] == 0).all()


def test_the_two_directions_ask_the_two_sides(
    fusion: CrossAttentionFusion, steps: tuple[Tensor, Tensor, Tensor]
) -> None:
    """One MIDI step has a key that every query of audio wants, so audio attends to it alone."""
    audio, midi, mask = steps
    where = step_positions(STEPS, WIDTH, audio.device)
    ones = torch.ones(2, STEPS, WIDTH)
    midi = -where.expand_as(midi).clone()
    midi[:, 2] += 100
    for layer in (fusion.audio_to_midi.query, fusion.audio_to_midi.key):
        torch.nn.init.eye_(layer.weight)
    attention = fusion(ones - where, midi, mask).attention
    assert (attention["audio_to_midi"][..., 2] > 0.999).all()
    assert (attention["midi_to_audio"][..., 2] < 0.999).any()


def test_position_lets_a_step_find_the_same_moment(fusion: CrossAttentionFusion) -> None:
    """Sides that say nothing, heads that compare all they see: a step finds itself."""
    mask = torch.ones(1, 50, dtype=torch.bool)
    nothing = torch.zeros(1, 50, WIDTH)
    for layer in (fusion.audio_to_midi.query, fusion.audio_to_midi.key):
        layer.weight.data = 10 * torch.eye(WIDTH)
    # The second head sees the slowest sinusoids, which tell neighbours apart no more.
    found = fusion(nothing, nothing, mask).attention["audio_to_midi"][0, 0].argmax(-1)
    torch.testing.assert_close(found, torch.arange(50))


def test_position_reaches_no_value(fusion: CrossAttentionFusion) -> None:
    """What is the same at all steps is taken the same at all steps."""
    audio, midi = torch.randn(2, 1, 1, WIDTH).expand(2, 1, 9, WIDTH)
    fused = fusion(audio, midi, torch.ones(1, 9, dtype=torch.bool))
    torch.testing.assert_close(fused.steps, fused.steps[:, :1].expand_as(fused.steps))


@pytest.mark.parametrize("width", [1, 7, 8])
def test_positions_are_of_any_width_and_tell_steps_apart(width: int) -> None:
    where = step_positions(300, width, torch.device("cpu"))
    assert where.shape == (300, width)
    apart = torch.cdist(where, where) + torch.eye(300)
    assert width < 3 or apart.min() > 1e-3


def test_mixing_ratio_where_there_is_nothing() -> None:
    own, taken = torch.tensor([[3.0, 4], [0, 0], [0, 0]]), torch.tensor([[0, 5.0], [0, 1], [0, 0]])
    torch.testing.assert_close(norm_share(taken, own).nan_to_num(), torch.tensor([0.5, 1, 0]))
