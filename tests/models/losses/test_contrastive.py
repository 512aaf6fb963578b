import math

import pytest
import torch

from models.losses.contrastive import contrastive

ALL = torch.ones(5, dtype=torch.bool)


def clips(seed: int, rows: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    audio, midi = torch.randn(2, rows, 6, generator=generator, dtype=torch.float64)
    return audio.requires_grad_(), midi.requires_grad_()


@pytest.mark.parametrize("temperature", [0.07, 0.5, 1.0])
def test_closed_forms(temperature: float) -> None:
    apart, alike = torch.eye(5), torch.ones(5, 5)
    matched = math.log1p(4 * math.exp(-1 / temperature))
    assert contrastive(apart, apart, ALL, temperature).item() == pytest.approx(matched, abs=1e-6)
    assert contrastive(alike, alike, ALL, temperature).item() == pytest.approx(math.log(5))
    shifted = contrastive(apart, apart.roll(1, 0), ALL, temperature).item()
    assert shifted == pytest.approx(matched + 1 / temperature, rel=1e-5)


def test_it_is_the_mean_of_both_directions() -> None:
    audio, midi = clips(0)
    cosine = torch.nn.functional.cosine_similarity(audio[:, None], midi[None], dim=2) / 0.2
    to_midi = (cosine.logsumexp(1) - cosine.diagonal()).mean()
    to_audio = (cosine.logsumexp(0) - cosine.diagonal()).mean()
    loss = contrastive(audio, midi, ALL, 0.2)
    torch.testing.assert_close(loss, (to_midi + to_audio) / 2)
    torch.testing.assert_close(loss, contrastive(midi, audio, ALL, 0.2))
    assert to_midi != to_audio


def test_lengths_of_vectors_and_order_of_clips_do_not_matter() -> None:
    audio, midi = clips(1)
    loss = contrastive(audio, midi, ALL, 0.1)
    stretch = torch.tensor([[1.0], [2.0], [0.1], [30.0], [5.0]])
    torch.testing.assert_close(contrastive(stretch * audio, 3 * midi, ALL, 0.1), loss)
    torch.testing.assert_close(contrastive(audio.flip(0), midi.flip(0), ALL, 0.1), loss)


def test_rows_that_lack_a_modality_are_as_if_not_there() -> None:
    audio, midi = clips(2)
    present = torch.tensor([True, False, True, True, False])
    with torch.no_grad():
        audio[1] = torch.nan
        midi[4] = 0.0
    loss = contrastive(audio, midi, present, 0.1)
    torch.testing.assert_close(loss, contrastive(audio[present], midi[present], ALL[:3], 0.1))
    loss.backward()
    for vectors in (audio, midi):
        assert not vectors.grad[~present].any()
        assert vectors.grad[present].abs().sum(1).all()


@pytest.mark.parametrize("rows", [0, 1])
def test_with_fewer_than_two_rows_it_is_zero_and_so_is_its_gradient(rows: int) -> None:
    audio, midi = clips(3)
    loss = contrastive(audio, midi, torch.arange(5) < rows, 0.1)
    assert loss.item() == 0
    loss.backward()
    assert not audio.grad.any()
    assert not midi.grad.any()


def test_gradient_agrees_with_finite_differences() -> None:
    present = torch.tensor([True, True, False, True, True])
    assert torch.autograd.gradcheck(lambda a, m: contrastive(a, m, present, 0.3), clips(4))
