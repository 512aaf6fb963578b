import dataclasses
import json
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from degradation.errors import UserError
from degradation.notes import PEDAL_DTYPE, Performance, release_before_restrike
from labeling.scores import DIMENSIONS
from models.config.experiment import EXPERIMENTS, ExperimentConfig
from models.config.losses import ModalityHeadsConfig
from models.device import has_bfloat16_lstm
from models.diagnostics.watch import FusionWatch
from models.hearing.trained import TrainedDetector
from models.inference.predict import predict_split
from models.inference.trained_model import load_model
from models.inputs.feature_reader import check_features
from models.metrics import agreement
from models.tokens.tokenisers import TOKENISERS
from models.training.checkpoint import load_network
from models.training.history import EpochRecord, best_epoch, is_finished
from models.training.module import learning_rate_factor
from models.training.record import TrainingData, read_record
from models.training.result import TrainingResult, load_result
from models.training.train import train
from models.training.weights import weights_digest
from storage.versions import TableVersion
from tests.models.training.killed_training import train_and_die

DATA = TrainingData(
    corpus="demo",
    recipe="phase2",
    recipe_digests={"good": "c0ffee"},
    tables={"pairs": TableVersion(version=3, files=4, digest="beef")},
)


def train_and_tell(experiment: str, config: ExperimentConfig, corpus, out_dir: Path, log):
    return train(
        experiment, config, corpus.parts, corpus.samples, out_dir,
        pretrained_dir=None, data=DATA, log=log, on_epoch=lambda record: None,
    )  # fmt: skip


def run(experiment: str, config: ExperimentConfig, corpus, out_dir: Path) -> TrainingResult:
    return train_and_tell(experiment, config, corpus, out_dir, lambda line: None)


def weights(path: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(path, weights_only=True)
    return found


@pytest.fixture(scope="module")
def whole(corpus, tiny_config, tmp_path_factory) -> tuple[Path, TrainingResult]:
    out_dir = tmp_path_factory.mktemp("whole")
    return out_dir, run("gated", tiny_config, corpus, out_dir)


# The line after epoch 2 is written once its state is; a line within epoch 2 before that.
@pytest.mark.parametrize("die_at", ["epoch 2/4", pytest.param("epoch 2, ", marks=pytest.mark.slow)])
def test_a_killed_training_ends_as_if_it_was_not(
    whole, corpus, tiny_config, tmp_path: Path, die_at: str
) -> None:
    whole_dir, uninterrupted = whole
    chatty = tiny_config
    if die_at == "epoch 2, ":
        training = tiny_config.training.model_copy(update={"progress_every_s": 1e-6})
        chatty = tiny_config.model_copy(update={"training": training})
        whole_dir = tmp_path / "whole"
        uninterrupted = run("gated", chatty, corpus, whole_dir)
    out_dir = tmp_path / "killed"
    train_and_die("gated", chatty, corpus, out_dir, die_at)
    done = len(torch.load(out_dir / "resume.pt", weights_only=True)["history"])
    assert done == (2 if die_at == "epoch 2/4" else 1)
    said: list[str] = []
    resumed = train_and_tell("gated", chatty, corpus, out_dir, said.append)
    assert f"gated: goes on after epoch {done}" in said
    for name in ("resume.pt", uninterrupted.checkpoint.name):
        one, other = weights(whole_dir / name), weights(out_dir / name)
        one, other = one.get("weights", one), other.get("weights", other)
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)
    stable = ("epoch", "train_loss", "terms", "logged", "val_loss", "val_r", "val_mae",
              "gradient_norms", "diagnostics", "learning_rate")  # fmt: skip
    for ours, theirs in zip(uninterrupted.epochs, resumed.epochs, strict=True):
        assert all(getattr(ours, name) == getattr(theirs, name) for name in stable)


def test_files_are_as_documented(whole) -> None:
    out_dir, result = whole
    best = result.best
    stem = f"gated-epoch={best.epoch:02d}-val_loss={best.val_loss:.4f}"
    names = sorted(path.name for path in out_dir.iterdir())
    assert names == sorted([f"{stem}.json", f"{stem}.pt", "history.json", "resume.pt"])
    assert result.checkpoint == out_dir / f"{stem}.pt"
    described = json.loads((out_dir / f"{stem}.json").read_text())
    assert described["experiment"] == "gated"
    assert described["dimensions"] == list(DIMENSIONS)
    assert described["config"]["seed"] == 20241202
    assert described["identity"] == result.identity
    history = json.loads((out_dir / "history.json").read_text())
    assert history["identity"] == result.identity
    assert [epoch["epoch"] for epoch in history["epochs"]] == [1, 2, 3, 4]
    for epoch in history["epochs"]:
        assert set(epoch["terms"]) == {"huber", "ranking", "contrastive", "coral"}
        assert epoch["train_loss"] == pytest.approx(sum(epoch["terms"].values()))
        assert set(epoch["gradient_norms"]) == {"audio", "midi"}
        assert len(epoch["val_r"]) == len(epoch["val_mae"]) == 8
        assert len(epoch["diagnostics"]["gate_mean"]) == 8


def test_heads_of_modalities_are_logged_and_kept(corpus, tiny_config, tmp_path) -> None:
    loss = tiny_config.loss.model_copy(update={"modality_heads": ModalityHeadsConfig(weight=0.3)})
    training = tiny_config.training.model_copy(update={"epochs": 1})
    config = tiny_config.model_copy(update={"loss": loss, "training": training})
    result = run("concat", config, corpus, tmp_path)
    assert {"audio_head", "midi_head"} < set(result.best.terms)
    assert set(load_network(tmp_path)[0].modality_heads) == {"audio", "midi"}


def test_the_record_names_what_the_weights_follow_from(whole, tiny_config) -> None:
    result = whole[1]
    record = read_record(result.checkpoint)
    assert record is not None
    assert (record.experiment, record.identity) == ("gated", result.identity)
    assert (record.config, record.data, record.pretraining) == (tiny_config, DATA, None)
    assert (record.epoch, record.val_loss) == (result.best.epoch, result.best.val_loss)
    assert {"python", "torch", "numpy", "pianograde"} <= set(record.made.versions)
    assert {"processor", "instructions", "blas", "threads"} <= set(record.machine)
    kept = weights(result.checkpoint)
    assert record.weights == weights_digest(kept)
    name = next(iter(kept))
    kept[name].view(torch.uint8).flatten()[0] ^= 1
    assert record.weights != weights_digest(kept), "one bit"


@pytest.mark.parametrize("change", [
    lambda content: content.pop("made"), lambda content: content["config"].update(later="key"),
])  # fmt: skip
def test_a_record_of_another_release_counts_as_none(whole, tmp_path, change) -> None:
    shutil.copytree(whole[0], tmp_path / "old")
    (described,) = (tmp_path / "old").glob("gated-*.json")
    content = json.loads(described.read_text())
    change(content)
    described.write_text(json.dumps(content))
    assert read_record(described.with_suffix(".pt")) is None


def test_a_checkpoint_gives_back_the_best_epoch(whole, corpus) -> None:
    out_dir, result = whole
    table = predict_split(load_model(out_dir), corpus.parts, corpus.samples, "validation")
    judged = corpus.samples.set_index("sample_id").loc[table["sample_id"], list(DIMENSIONS)]
    found = agreement(judged.to_numpy(float), table[list(DIMENSIONS)].to_numpy(float))
    assert found.mean_r == pytest.approx(result.best.mean_r, abs=1e-6)
    assert found.mean_mae == pytest.approx(result.best.mean_mae, abs=1e-5)
    assert len(table) == (corpus.samples["split"] == "validation").sum()


def test_a_finished_training_is_not_repeated(whole, corpus, tiny_config) -> None:
    out_dir, result = whole
    before = {path.name: path.read_bytes() for path in out_dir.iterdir()}
    said: list[str] = []
    again = train_and_tell("gated", tiny_config, corpus, out_dir, said.append)
    assert again == result
    assert said == ["gated: was trained before, on the same data with the same settings"]
    assert before == {path.name: path.read_bytes() for path in out_dir.iterdir()}


def test_settings_of_speed_and_logging_do_not_undo_a_training(whole, corpus, tiny_config) -> None:
    out_dir, result = whole
    training = tiny_config.training.model_copy(
        update={"progress_every_s": 99.0, "loader_workers": 3, "rows_per_read": 1}
    )
    elsewhere = tiny_config.model_copy(
        update={"training": training, "torch_threads": 2, "experiments": ("gated",)}
    )
    assert run("gated", elsewhere, corpus, out_dir) == result


def test_features_of_other_mel_settings_are_refused_and_nothing_is_removed(
    whole, corpus, tiny_config
) -> None:
    out_dir, _ = whole
    before = sorted(out_dir.iterdir())
    lower = tiny_config.audio_features.model_copy(update={"highest_hz": 7000.0})
    parts = dataclasses.replace(corpus.parts, audio=lower)
    said = r"other settings than the model \(highest_hz 7000.0, not 8000.0\)"
    with pytest.raises(UserError, match=said):
        predict_split(load_model(out_dir), parts, corpus.samples, "test")
    with pytest.raises(UserError, match=said):
        run("gated", tiny_config, dataclasses.replace(corpus, parts=parts), out_dir)
    assert sorted(out_dir.iterdir()) == before


def test_heard_notes_of_another_kind_are_refused(corpus, tiny_config, demo_config) -> None:
    hears = tiny_config.model_copy(update={"hearing": demo_config.hearing})
    detector = TrainedDetector(checkpoint=Path(), weights="0", config=demo_config.hearing.detector)
    parts = dataclasses.replace(corpus.parts, detector=detector)
    check_features(parts, hears, {"audio"})
    with pytest.raises(UserError, match="tokens octuple, not performance"):
        check_features(dataclasses.replace(parts, tokens="octuple"), hears, {"audio"})


def test_a_result_is_read_back_as_it_was(whole) -> None:
    out_dir, result = whole
    assert load_result(out_dir, result.identity) == result


def test_a_model_of_another_training_is_refused_in_one_line(whole) -> None:
    with pytest.raises(UserError, match="gated was trained on other data or settings") as raised:
        load_result(whole[0], "another")
    assert "materialise it again" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_unfinished_training_is_refused(tmp_path) -> None:
    with pytest.raises(UserError, match="no finished training"):
        load_result(tmp_path, "any")


def test_what_another_configuration_left_is_not_resumed(corpus, tiny_config, tmp_path) -> None:
    short = tiny_config.training.model_copy(update={"epochs": 1})
    first = tiny_config.model_copy(update={"training": short})
    run("midi_only", first, corpus, tmp_path)
    reseeded = first.model_copy(update={"seed": 9})
    result = run("midi_only", reseeded, corpus, tmp_path)
    assert [path.name for path in tmp_path.glob("*.pt") if path.name != "resume.pt"] == [
        result.checkpoint.name
    ]
    fresh = run("midi_only", reseeded, corpus, tmp_path / "fresh")
    assert fresh.epochs[0].val_loss == result.epochs[0].val_loss


def test_relabelled_samples_are_another_training(corpus, tiny_config, tmp_path) -> None:
    short = tiny_config.training.model_copy(update={"epochs": 1})
    config = tiny_config.model_copy(update={"training": short})
    first = run("midi_only", config, corpus, tmp_path)
    lower = corpus.samples.assign(tone_quality=corpus.samples["tone_quality"] - 1)
    second = run("midi_only", config, dataclasses.replace(corpus, samples=lower), tmp_path)
    assert first.epochs[0].train_loss != second.epochs[0].train_loss


def test_models_learn_what_is_there_to_learn(corpus, tiny_config, tmp_path) -> None:
    longer = tiny_config.training.model_copy(
        update={"epochs": 12, "patience_epochs": 12, "learning_rate": 0.02}
    )
    config = tiny_config.model_copy(update={"training": longer})
    result = run("audio_only", config, corpus, tmp_path)
    assert result.best.mean_r > 0.85
    assert result.best.mean_mae < 6


def test_grades_are_right_on_the_mean_where_most_scores_lie_at_one_end(
    corpus, tiny_config, tmp_path
) -> None:
    """LDS weighs the few low scores up, and would have all grades too low."""
    rare = corpus.samples["sample_id"].str[-1].isin(["0", "3"])
    skewed = corpus.samples.assign(**{name: np.where(rare, 55.0, 99.0) for name in DIMENSIONS})
    out_dir = tmp_path / "model"
    run("midi_only", tiny_config, dataclasses.replace(corpus, samples=skewed), out_dir)
    said = predict_split(load_model(out_dir), corpus.parts, skewed, "validation").set_index(
        "sample_id"
    )
    truth = skewed.set_index("sample_id").loc[said.index, list(DIMENSIONS)]
    assert (said.mean() - truth.mean()).abs().max() < 0.1


@pytest.mark.parametrize("precision", ["32", "bf16"])
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_progress_is_logged_and_nothing_else(
    corpus, tiny_config, tmp_path, experiment, precision, capfd: pytest.CaptureFixture[str]
) -> None:
    short = tiny_config.training.model_copy(update={"epochs": 1, "precision": precision})
    config = tiny_config.model_copy(update={"training": short})
    said: list[str] = []
    train_and_tell(experiment, config, corpus, tmp_path, said.append)
    if precision == "bf16" and not has_bfloat16_lstm():
        assert said.pop(0) == f"{experiment}: this CPU has no LSTM in bfloat16; " + (
            "that part runs in float32"
        )
    assert len(said) == 3
    assert "48 training and 16 validation samples" in said[0]
    assert all(word in said[1] for word in ("epoch 1/1", "loss", "r ", "MAE", "samples/s", "left"))
    assert len(said[1]) < 160, "the UI and history.json have the rest"
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_half_precision_learns_what_single_precision_does(whole, corpus, tiny_config, tmp_path):
    training = tiny_config.training.model_copy(update={"precision": "bf16"})
    half = run("gated", tiny_config.model_copy(update={"training": training}), corpus, tmp_path)
    for ours, theirs in zip(half.epochs, whole[1].epochs, strict=True):
        assert ours.train_loss == pytest.approx(theirs.train_loss, rel=0.02)
        assert ours.val_loss == pytest.approx(theirs.val_loss, rel=0.05)
        assert ours.val_loss != theirs.val_loss
    assert all(weight.dtype == torch.float32 for weight in weights(half.checkpoint).values())


def test_octuple_tokens_are_learnt_from_alike(corpus, tiny_config, tmp_path, rewrite_part) -> None:
    tokenisers = {name: TOKENISERS[name] for name in ("performance", "octuple")}

    def as_octuple(part: pd.DataFrame) -> pd.DataFrame:
        encoded = []
        for row in part["tokens"]:
            tokens = np.frombuffer(row, tokenisers["performance"].dtype)
            notes = tokenisers["performance"].decode(tokens)
            playing = Performance(
                notes=release_before_restrike(notes),
                pedal=np.zeros(0, PEDAL_DTYPE),
                duration_s=3.5,
            )
            encoded.append(tokenisers["octuple"].encode(playing).tobytes())
        return part.assign(tokens=encoded)

    midi = tuple(rewrite_part(uri, as_octuple) for uri in corpus.parts.midi_tokens)
    parts = dataclasses.replace(corpus.parts, midi_tokens=midi, tokens="octuple")
    encoder = tiny_config.midi_encoder.model_copy(update={"tokens": "octuple"})
    config = tiny_config.model_copy(update={"midi_encoder": encoder})
    result = run("crossattn", config, dataclasses.replace(corpus, parts=parts), tmp_path)
    assert result.epochs[-1].train_loss < result.epochs[0].train_loss
    table = predict_split(load_model(tmp_path), parts, corpus.samples, "test")
    assert np.isfinite(table[list(DIMENSIONS)].to_numpy()).all()


def test_a_training_that_diverges_says_what_to_do(corpus, tiny_config, tmp_path) -> None:
    wild = tiny_config.training.model_copy(
        update={"learning_rate": 1e30, "gradient_norm_limit": 1e30}
    )
    config = tiny_config.model_copy(update={"training": wild})
    with pytest.raises(UserError, match=r"in epoch 1 its scores ceased.*lower training"):
        run("gated", config, corpus, tmp_path)


def test_a_model_of_another_release_is_refused(whole, corpus, tmp_path) -> None:
    shutil.copytree(whole[0], tmp_path / "old")
    (described,) = (tmp_path / "old").glob("gated-*.json")
    content = json.loads(described.read_text())
    assert set(content["versions"]) == {"model", "audio", "midi"}
    content["versions"]["midi"] = "n0performance1"
    described.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"version n0performance1 in midi.*train it again"):
        predict_split(load_model(tmp_path / "old"), corpus.parts, corpus.samples, "test")
    heard = frozenset({"audio"})
    assert len(
        predict_split(
            load_model(tmp_path / "old"), corpus.parts, corpus.samples, "test", modalities=heard
        )
    )


def test_the_random_state_outside_is_left_alone(corpus, tiny_config, tmp_path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    short = tiny_config.training.model_copy(update={"epochs": 1})
    run("midi_only", tiny_config.model_copy(update={"training": short}), corpus, tmp_path)
    assert torch.rand(1) == expected


def test_a_split_without_samples_is_refused(corpus, tiny_config, tmp_path) -> None:
    none = corpus.samples[corpus.samples["split"] != "validation"]
    with pytest.raises(UserError, match="no validation samples"):
        run("gated", tiny_config, dataclasses.replace(corpus, samples=none), tmp_path)


def test_a_folder_without_a_model_is_refused(tmp_path) -> None:
    with pytest.raises(UserError, match="train the experiment first"):
        load_network(tmp_path)


def record(epoch: int, val_loss: float) -> EpochRecord:
    return EpochRecord(
        epoch=epoch, train_loss=0, terms={}, logged={}, val_loss=val_loss, val_r=(np.nan,) * 8,
        val_mae=(0,) * 8, gradient_norms={}, diagnostics=FusionWatch().result(), learning_rate=0,
        samples_per_s=0, wait_share=0, seconds=0,
    )  # fmt: skip


def test_patience() -> None:
    history = [record(1, 0.5), record(2, 0.3), record(3, 0.3), record(4, 0.4)]
    assert best_epoch(history).epoch == 2
    assert not is_finished(history, 10, 3)
    assert is_finished(history, 10, 2)
    assert is_finished(history, 4, 100)
    assert not is_finished([], 1, 1)


def test_the_rate_warms_up_and_falls_to_nothing() -> None:
    factors = [learning_rate_factor(step, 100, 0.1) for step in range(101)]
    assert all(a < b for a, b in pairwise(factors[:11]))
    assert all(a > b for a, b in pairwise(factors[10:]))
    assert max(factors) == 1.0
    assert factors[-1] == pytest.approx(0)


def test_predictions_cover_a_split_once(whole, corpus) -> None:
    table = predict_split(load_model(whole[0]), corpus.parts, corpus.samples, "test")
    expected = corpus.samples[corpus.samples["split"] == "test"]["sample_id"]
    assert sorted(table["sample_id"]) == sorted(expected)
    assert list(table.columns) == ["sample_id", *DIMENSIONS, "audio_share", "gate"]
    assert table[["audio_share", "gate"]].to_numpy().min() > 0
    assert table[["audio_share", "gate"]].to_numpy().max() < 1


def test_parts_of_nothing_predict_nothing(whole, corpus) -> None:
    empty = pd.DataFrame(columns=["sample_id", "split", *DIMENSIONS])
    no_parts = dataclasses.replace(corpus.parts, audio_features=(), midi_tokens=())
    table = predict_split(load_model(whole[0]), no_parts, empty, "test")
    assert len(table) == 0
