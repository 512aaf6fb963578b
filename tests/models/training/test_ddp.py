"""Training on several devices: two processes on the CPU, as two GPUs would."""

from pathlib import Path

import pytest
import torch

from labeling.scores import DIMENSIONS
from models.config.experiment import ExperimentConfig
from models.inference.predict import predict_split
from models.inference.trained_model import load_model
from models.metrics import agreement
from models.training.history import EpochRecord
from models.training.record import TrainingData
from models.training.train import train
from tests.models.training.killed_training import train_and_die

pytestmark = pytest.mark.slow


def on_two(config: ExperimentConfig, **changed: object) -> ExperimentConfig:
    training = config.training.model_copy(update={"devices": 2, "epochs": 2, **changed})
    return config.model_copy(update={"training": training})


def run(config, corpus, out_dir, log=lambda line: None, on_epoch=lambda record: None):
    return train(
        "gated", config, corpus.parts, corpus.samples, out_dir, pretrained_dir=None,
        data=TrainingData(corpus="demo", tables={}), log=log, on_epoch=on_epoch,
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(corpus, tiny_config, tmp_path_factory):
    said: list[str] = []
    records: list[EpochRecord] = []
    out_dir = tmp_path_factory.mktemp("ddp")
    result = run(on_two(tiny_config), corpus, out_dir, said.append, records.append)
    return out_dir, result, said, records


def test_two_processes_train_one_model_and_log_it_once(trained) -> None:
    _, result, said, records = trained
    assert [record.epoch for record in result.epochs] == [1, 2]
    assert tuple(records) == result.epochs
    assert sum("epoch 1/2" in line for line in said) == 1
    assert said[0].endswith("48 training and 16 validation samples")


def test_figures_are_over_the_whole_validation_split(trained, corpus) -> None:
    out_dir, result, _, _ = trained
    table = predict_split(load_model(out_dir), corpus.parts, corpus.samples, "validation")
    dimensions = list(DIMENSIONS)
    judged = corpus.samples.set_index("sample_id").loc[table["sample_id"], dimensions]
    found = agreement(judged.to_numpy(float), table[dimensions].to_numpy(float))
    assert found.r == pytest.approx(result.best.val_r, abs=1e-5)
    assert result.best.diagnostics.retrieval_clips == 16


def test_the_gradient_is_that_of_both_halves(corpus, tiny_config, tmp_path) -> None:
    """One step on two devices goes where one step on their batches together goes."""
    config = on_two(tiny_config, epochs=1, batch_size=100, learning_rate=1e-3)
    plain = config.loss.model_copy(
        update={"ranking": None, "contrastive": None, "uncertainty_weighting": False}
    )
    no_chance = {
        "loss": plain,
        "fusion": config.fusion.model_copy(update={"modality_dropout": 0.0}),
        "head": config.head.model_copy(update={"dropout": 0.0}),
        "audio_encoder": config.audio_encoder.model_copy(update={"dropout": 0.0}),
        "midi_encoder": config.midi_encoder.model_copy(update={"dropout": 0.0}),
    }
    config = config.model_copy(update=no_chance)
    alone = config.model_copy(
        update={"training": config.training.model_copy(update={"devices": 1})}
    )
    both, one = run(config, corpus, tmp_path / "two"), run(alone, corpus, tmp_path / "one")
    theirs = torch.load(both.checkpoint, weights_only=True)
    for name, weight in torch.load(one.checkpoint, weights_only=True).items():
        torch.testing.assert_close(theirs[name], weight, rtol=1e-5, atol=2e-5)
    assert both.epochs[0].terms == pytest.approx(one.epochs[0].terms, rel=1e-4)


def weights(path: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(path, weights_only=True)
    return found


def test_a_killed_one_ends_as_if_it_was_not(corpus, tiny_config, trained, tmp_path) -> None:
    """Its ranks are sent the optimiser's state: each must step a copy of its own."""
    _, whole, _, _ = trained
    config = on_two(tiny_config)
    train_and_die("gated", config, corpus, tmp_path / "killed", "epoch 1/2")
    done = torch.load(tmp_path / "killed" / "resume.pt", weights_only=True)["history"]
    assert len(done) == 1
    said: list[str] = []
    resumed = run(config, corpus, tmp_path / "killed", said.append)
    assert "gated: goes on after epoch 1" in said
    assert [r.val_loss for r in resumed.epochs] == [r.val_loss for r in whole.epochs]
    one, other = weights(whole.checkpoint), weights(resumed.checkpoint)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_loader_workers_of_both_share_the_split(corpus, tiny_config, tmp_path) -> None:
    result = run(on_two(tiny_config, epochs=1, loader_workers=1), corpus, tmp_path)
    assert set(result.best.terms) == {"huber", "ranking", "contrastive", "coral"}
    assert result.best.gradient_norms.keys() == {"audio", "midi"}
