import math

import numpy as np
import pytest
import torch

from models.midi_encoder import NoteEncoder, gaps_s, notes_on_steps, sinusoids
from models.tokens import TOKEN_DTYPE


def test_notes_land_on_the_step_of_their_onset() -> None:
    embedded = torch.eye(4)[None]
    onset_s = torch.tensor([[0.0, 0.05, 0.31, 0.1]])
    mask = torch.tensor([[True, True, True, False]])
    mean, count = notes_on_steps(embedded, onset_s, mask, steps=5, grid_rate_hz=10)
    assert count.tolist() == [[2.0, 0.0, 0.0, 1.0, 0.0]]
    assert mean[0, 0].tolist() == [0.5, 0.5, 0.0, 0.0]
    assert mean[0, 3].tolist() == [0.0, 0.0, 1.0, 0.0]
    assert mean[0, [1, 2, 4]].abs().sum() == 0


@pytest.mark.parametrize("step", range(0, 1000, 37))
def test_an_onset_on_a_step_boundary_belongs_to_the_step_it_begins(step: int) -> None:
    onset_s = torch.tensor([[math.ceil(step / 10 * 20_000) / 20_000]], dtype=torch.float32)
    one = torch.ones(1, 1, 1)
    _, count = notes_on_steps(one, onset_s + 1e-4, torch.ones(1, 1) > 0, 1000, 10)
    assert count[0].argmax() == step


def test_a_later_performance_lands_later() -> None:
    torch.manual_seed(0)
    embedded, onset_s = torch.randn(2, 30, 4), torch.rand(2, 30) * 3
    mask = torch.rand(2, 30) > 0.3
    here, _ = notes_on_steps(embedded, onset_s, mask, 60, 10)
    later, _ = notes_on_steps(embedded, onset_s.double() + 2, mask, 60, 10)
    torch.testing.assert_close(later[:, 20:], here[:, :40])
    assert later[:, :20].abs().sum() == 0


def test_the_order_of_notes_does_not_matter_to_pooling() -> None:
    torch.manual_seed(0)
    embedded, onset_s = torch.randn(1, 30, 4), torch.rand(1, 30) * 3
    mask, order = torch.ones(1, 30) > 0, torch.randperm(30)
    here, _ = notes_on_steps(embedded, onset_s, mask, 30, 10)
    there, _ = notes_on_steps(embedded[:, order], onset_s[:, order], mask, 30, 10)
    torch.testing.assert_close(here, there)


def test_none_is_dropped_beyond_the_grid() -> None:
    _, count = notes_on_steps(
        torch.ones(1, 2, 1), torch.tensor([[0.1, 9.0]]), torch.ones(1, 2) > 0, 5, 10
    )
    assert count.sum() == 2
    assert count[0, 4] == 1


def encoder(config) -> NoteEncoder:
    torch.manual_seed(0)
    return NoteEncoder(config.grid_rate_hz, config.midi_encoder).eval()


def notes_at(onset_s: list[float]) -> dict[str, torch.Tensor]:
    tokens = np.zeros((1, len(onset_s)), TOKEN_DTYPE)
    tokens["onset_s"], tokens["pitch"], tokens["velocity"] = onset_s, 60, 64
    return {name: torch.from_numpy(tokens[name].copy()) for name in TOKEN_DTYPE.names or ()}


def test_empty_steps_get_the_learned_vector(tiny_config) -> None:
    net = encoder(tiny_config)
    torch.nn.init.constant_(net.nothing_struck, 7.0)
    steps = net(notes_at([0.0, 0.45]), torch.ones(1, 2) > 0, 6)[0]
    empty = (steps == 7.0).all(dim=1)
    assert empty.tolist() == [False, True, True, True, False, True]


def test_ten_milliseconds_are_told_apart(tiny_config) -> None:
    net = encoder(tiny_config)
    together, apart = (
        net.embed(notes_at([1.0, 1.0 + gap]), torch.ones(1, 2) > 0) for gap in (0.0, 0.010)
    )
    assert (together - apart).abs().max() > 0.05


def test_gaps_look_both_ways() -> None:
    mask = torch.tensor([[True, True, True, False]])
    gaps = gaps_s(torch.tensor([[0.0, 0.5, 2.0, 9.0]]), mask)
    assert gaps[0, :3].tolist() == [[0.0, 0.5], [0.5, 1.5], [1.5, 0.0]]


def test_sinusoids_against_numpy() -> None:
    time_s, periods_s = np.array([0.0, 0.3, 7.1]), np.array([0.02, 1.0, 20.0])
    angle = 2 * np.pi * time_s[:, None] / periods_s
    expected = np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
    found = sinusoids(torch.tensor(time_s), torch.tensor(periods_s)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-9)
