import itertools

import numpy as np
import pytest
import torch

from models.networks.note_embedding import (
    OctupleEmbedding,
    PerformanceEmbedding,
    differences,
    last_visible,
    sinusoids,
)
from models.tokens.octuple import OCTUPLE, onset_s
from models.tokens.performance import PERFORMANCE_DTYPE
from tests.models.networks.test_midi_encoder import CONFIG


def fields(tokens: np.ndarray) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(tokens[name].copy()) for name in tokens.dtype.names or ()}


def notes_at(onset_s: list[float]) -> dict[str, torch.Tensor]:
    tokens = np.zeros((1, len(onset_s)), PERFORMANCE_DTYPE)
    tokens["onset_s"], tokens["pitch"], tokens["velocity"] = onset_s, 60, 64
    return fields(tokens)


def test_sinusoids_against_numpy() -> None:
    time_s, periods_s = np.array([0.0, 0.3, 7.1]), np.array([0.02, 1.0, 20.0])
    angle = 2 * np.pi * time_s[:, None] / periods_s
    expected = np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
    found = sinusoids(torch.tensor(time_s), torch.tensor(periods_s)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_the_last_visible_note() -> None:
    visible = torch.tensor([[False, True, False, False, True], [True, True, False, True, False]])
    assert last_visible(visible).tolist() == [[-1, 1, 1, 1, 4], [0, 1, 1, 3, 3]]


def test_differences_look_both_ways() -> None:
    mask = torch.tensor([[True, True, True, False]])
    values = torch.tensor([[[0.0, 7], [0.5, 4], [2.0, 4], [9.0, 1]]])
    assert differences(values, mask)[0].tolist() == [
        [0.0, 0.0, 0.5, -3.0],
        [0.5, -3.0, 1.5, 0.0],
        [1.5, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
    ]


@pytest.mark.parametrize("seed", range(5))
def test_differences_are_those_there_would_be_without_the_hidden_notes(seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    values = torch.rand(1, 20, 3, generator=rng)
    visible = torch.rand(1, 20, generator=rng) > 0.4
    alone = values[visible][None]
    expected = differences(alone, torch.ones(alone.shape[:2]) > 0)
    torch.testing.assert_close(differences(values, visible)[visible], expected[0], rtol=0, atol=0)


@pytest.mark.parametrize("name", PERFORMANCE_DTYPE.names or ())
def test_a_hidden_note_changes_no_other(name: str) -> None:
    """Or pretraining would read what it has to guess off the neighbours' differences."""
    torch.manual_seed(0)
    net, visible = PerformanceEmbedding(CONFIG), torch.tensor([[True, False, True]])
    plain = notes_at([1.0, 2.0, 3.0])
    changed = plain | {name: plain[name] + torch.tensor([[0, 1, 0]], dtype=plain[name].dtype)}
    one, other = net(plain, visible)[visible], net(changed, visible)[visible]
    torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_how_a_note_differs_from_its_neighbours_is_told() -> None:
    """The same note after a softer, a shorter or a lower one is embedded otherwise."""
    torch.manual_seed(0)
    net, visible = PerformanceEmbedding(CONFIG), torch.ones(1, 2) > 0
    plain = notes_at([1.0, 2.0])
    for name, by in {"velocity": 20, "duration_s": 0.2, "pedal_onset": 60, "pitch": 5}.items():
        changed = plain | {name: plain[name] + torch.tensor([[by, 0]], dtype=plain[name].dtype)}
        assert (net(changed, visible) - net(plain, visible))[0, 1].abs().max() > 1e-3, name


def test_ten_milliseconds_are_told_apart() -> None:
    torch.manual_seed(0)
    net = PerformanceEmbedding(CONFIG)
    together, apart = (
        net(notes_at([1.0, 1.0 + gap]), torch.ones(1, 2) > 0) for gap in (0.0, 0.010)
    )
    assert (together - apart).abs().max() > 0.05


def test_every_field_of_a_performance_token_is_read() -> None:
    torch.manual_seed(0)
    net, visible = PerformanceEmbedding(CONFIG), torch.ones(1, 2) > 0
    plain = notes_at([1.0, 2.0])
    for name, field in plain.items():
        changed = plain | {name: field + torch.tensor([[0, 1]], dtype=field.dtype)}
        assert (net(changed, visible) - net(plain, visible)).abs().max() > 1e-4, name


def octuple_tokens(*changes: tuple[str, int]) -> dict[str, torch.Tensor]:
    tokens = np.zeros((1, 2), OCTUPLE.dtype)
    tokens["measure"], tokens["position"] = [[1, 3]], [[5, 63]]
    for name, value in changes:
        tokens[name][0, 1] = value
    return fields(tokens)


def test_every_field_of_an_octuple_is_read() -> None:
    torch.manual_seed(0)
    net, visible = OctupleEmbedding(CONFIG), torch.ones(1, 2) > 0
    for name, size in OCTUPLE.vocabulary.items():
        highest = net(octuple_tokens((name, min(size, 256) - 1)), visible)
        difference = highest - net(octuple_tokens((name, 0)), visible)
        assert difference[0, 1].abs().max() > 1e-3, name
        assert difference[0, 0].abs().max() == 0, name


def test_an_octuple_is_the_sum_of_its_fields() -> None:
    net, visible = OctupleEmbedding(CONFIG), torch.ones(1, 2) > 0
    one, other = octuple_tokens(("pitch", 60)), octuple_tokens(("pitch", 64), ("velocity", 9))
    vector = {name: table.weight for name, table in net.fields.items()}
    expected = vector["pitch"][64] - vector["pitch"][60]
    expected = expected + vector["velocity"][9] - vector["velocity"][0]
    torch.testing.assert_close((net(other, visible) - net(one, visible))[0, 1], expected)


def test_an_octuple_begins_when_its_tokeniser_says() -> None:
    places = list(itertools.product(range(0, 256, 15), range(0, 64, 7)))
    tokens = np.zeros((1, len(places)), OCTUPLE.dtype)
    tokens["measure"], tokens["position"] = zip(*places, strict=True)
    found = OctupleEmbedding(CONFIG).onset_s(fields(tokens))
    assert found.dtype == torch.float32
    assert found[0].tolist() == onset_s(tokens[0]).tolist()
