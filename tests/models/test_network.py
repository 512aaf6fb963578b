"""Laws that hold for every experiment's network as a whole: shapes, padding, order of rows."""

import numpy as np
import pytest
import torch

from models.batch import Batch, Example, collate
from models.config import EXPERIMENTS, MODALITIES, ExperimentConfig
from models.network import GradingNetwork
from models.parts import Features
from models.tokens import TOKEN_DTYPE


def example(name: str, frames: int, notes: int, config: ExperimentConfig) -> Example:
    rng = np.random.default_rng(len(name) + frames + notes)
    tokens = np.zeros(notes, TOKEN_DTYPE)
    length_s = frames / config.mel.frame_rate_hz
    tokens["onset_s"] = np.sort(rng.uniform(0, length_s, notes))
    tokens["duration_s"] = tokens["sounding_s"] = rng.uniform(0.05, 1, notes)
    tokens["pitch"], tokens["velocity"] = rng.integers(30, 90, (2, notes))
    mel = rng.normal(-70, 20, (frames, config.mel.bands)).astype(np.float16)
    features = Features(sample_id=name, mel_frames=frames, log_mel=mel, tokens=tokens)
    return Example(features=features, scores=rng.uniform(50, 100, 8).astype(np.float32))


def batch_of(examples: list[Example], config: ExperimentConfig) -> Batch:
    return collate(examples, config.mel_frames_per_step)


@pytest.fixture
def examples(tiny_config) -> list[Example]:
    sizes = [(40, 9), (31, 3), (7, 1), (60, 25), (20, 0)]
    return [example(f"s{i}", *size, tiny_config) for i, size in enumerate(sizes)]


@pytest.fixture(params=EXPERIMENTS)
def network(request: pytest.FixtureRequest, tiny_config) -> GradingNetwork:
    torch.manual_seed(3)
    return GradingNetwork(request.param, tiny_config).eval()


def test_shapes_and_range(network, examples, tiny_config) -> None:
    batch = batch_of(examples, tiny_config)
    grades = network(batch)
    assert grades.scores.shape == (5, 8)
    assert grades.scores.dtype == torch.float32
    assert (grades.scores - tiny_config.head.score_centre).abs().max() < 50
    gated = network.experiment == "gated"
    assert (grades.gate is not None) == gated
    if gated:
        assert grades.gate.shape == (5, 30, tiny_config.projection.width)


def test_padding_changes_nothing(network, examples, tiny_config) -> None:
    together = network(batch_of(examples, tiny_config)).scores
    for row, alone in enumerate(examples):
        scores = network(batch_of([alone], tiny_config)).scores[0]
        torch.testing.assert_close(together[row], scores, rtol=0, atol=2e-5)


def test_what_lies_in_the_padding_is_not_heard(network, examples, tiny_config) -> None:
    batch = batch_of(examples, tiny_config)
    before = network(batch).scores
    for row in range(5):
        batch.log_mel[row, batch.mel_frames[row] :] = 30.0
        for field in batch.notes.values():
            field[row][~batch.note_mask[row]] = 3
    torch.testing.assert_close(network(batch).scores, before, rtol=0, atol=2e-5)


def test_rows_do_not_hear_each_other(network, examples, tiny_config) -> None:
    forward = network(batch_of(examples, tiny_config)).scores
    backward = network(batch_of(examples[::-1], tiny_config)).scores
    torch.testing.assert_close(forward, backward.flip(0), rtol=0, atol=2e-5)


def test_every_weight_learns(network, examples, tiny_config) -> None:
    network(batch_of(examples, tiny_config)).scores.square().mean().backward()
    idle = [name for name, weight in network.named_parameters() if weight.grad is None]
    assert idle == []
    assert all(torch.isfinite(weight.grad).all() for weight in network.parameters())


def test_a_missing_modality_is_named(network, examples, tiny_config) -> None:
    batch = batch_of(examples, tiny_config)
    if "audio" in MODALITIES[network.experiment]:
        batch.log_mel = None
    else:
        batch.notes = None
    with pytest.raises(ValueError, match=network.experiment):
        network(batch)


def test_the_demo_models_are_small(demo_config) -> None:
    for experiment in EXPERIMENTS:
        weights = sum(w.numel() for w in GradingNetwork(experiment, demo_config).parameters())
        assert 10_000 < weights < 500_000
