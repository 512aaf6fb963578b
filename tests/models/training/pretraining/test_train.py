import dataclasses
import json
import math
from pathlib import Path

import pytest
import torch

from degradation.errors import UserError
from models.config.experiment import ExperimentConfig
from models.networks.midi_encoder import NoteEncoder
from models.training.checkpoint import load_pretrained
from models.training.pretraining.result import PretrainingResult, load_pretraining
from models.training.pretraining.train import pretrain
from models.training.record import TrainingData

DATA = TrainingData(corpus="demo", tables={})
LONGER = {"epochs": 10, "batch_size": 8, "learning_rate": 0.01, "mask_share": 0.3}


def run(config: ExperimentConfig, source, out_dir: Path, log=lambda line: None):
    return pretrain(
        config, source, out_dir, data_version="1", data=DATA, log=log, on_epoch=lambda record: None
    )


def with_pretraining(config: ExperimentConfig, **settings) -> ExperimentConfig:
    assert config.pretraining is not None
    return config.model_copy(update={"pretraining": config.pretraining.model_copy(update=settings)})


def with_encoder(config: ExperimentConfig, **settings) -> ExperimentConfig:
    return config.model_copy(
        update={"midi_encoder": config.midi_encoder.model_copy(update=settings)}
    )


def weights(path: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(path, weights_only=True)
    return found


def without_clock(result: PretrainingResult) -> list[object]:
    return [dataclasses.replace(record, seconds=0.0, notes_per_s=0.0) for record in result.epochs]


@pytest.fixture(scope="module")
def whole(music, config, tmp_path_factory) -> tuple[Path, PretrainingResult]:
    out_dir = tmp_path_factory.mktemp("whole")
    return out_dir, run(config, music, out_dir)


class Killed(BaseException):
    pass


# The line after epoch 2 is written once its state is; a line within epoch 2 before that.
@pytest.mark.parametrize(("die_at", "done"), [("epoch 2/3", 2), ("epoch 2, ", 1)])
def test_a_killed_pretraining_ends_as_if_it_was_not(
    whole, music, config, tmp_path: Path, die_at: str, done: int
) -> None:
    def log(line: str) -> None:
        if die_at in line:
            raise Killed

    whole_dir, uninterrupted = whole
    training = config.training.model_copy(update={"progress_every_s": 1e-6})
    chatty = config.model_copy(update={"training": training})
    with pytest.raises(Killed):
        run(chatty, music, tmp_path, log)
    assert len(weights(tmp_path / "resume.pt")["history"]) == done
    said: list[str] = []
    resumed = run(config, music, tmp_path, said.append)
    assert f"midi_pretrain: goes on after epoch {done}" in said
    assert without_clock(resumed) == without_clock(uninterrupted)
    for name in ("resume.pt", uninterrupted.checkpoint.name):
        one, other = weights(whole_dir / name), weights(tmp_path / name)
        one, other = one.get("weights", one), other.get("weights", other)
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_files_are_as_documented(whole) -> None:
    out_dir, result = whole
    best = result.best
    stem = f"midi_pretrain-epoch={best.epoch:02d}-val_loss={best.val_loss:.4f}"
    names = sorted(path.name for path in out_dir.iterdir())
    assert names == sorted([f"{stem}.json", f"{stem}.pt", "history.json", "resume.pt"])
    assert result.checkpoint == out_dir / f"{stem}.pt"
    described = json.loads((out_dir / f"{stem}.json").read_text())
    assert described["identity"] == result.identity
    assert described["data_version"] == "1"
    history = json.loads((out_dir / "history.json").read_text())
    assert [epoch["epoch"] for epoch in history["epochs"]] == [1, 2, 3]
    assert history["parameters"] == result.parameters


def test_a_finished_pretraining_is_not_repeated(whole, config) -> None:
    def unread(split: str, rng: object):
        raise AssertionError("nothing needs to be read")

    out_dir, result = whole
    before = {path.name: path.read_bytes() for path in out_dir.iterdir()}
    said: list[str] = []
    assert run(config, unread, out_dir, said.append) == result
    assert said == ["midi_pretrain: was trained before, on the same data with the same settings"]
    assert before == {path.name: path.read_bytes() for path in out_dir.iterdir()}


def test_how_it_is_run_and_what_comes_after_do_not_undo_it(whole, music, config) -> None:
    out_dir, result = whole
    elsewhere = config.model_copy(
        update={
            "torch_threads": 2,
            "training": config.training.model_copy(update={"epochs": 99, "batch_size": 3}),
            "head": config.head.model_copy(update={"hidden": 3}),
        }
    )
    assert run(elsewhere, music, out_dir) == result


def test_what_another_pretraining_left_is_not_resumed(music, config, tmp_path: Path) -> None:
    short = with_pretraining(config, epochs=1)
    first = run(short, music, tmp_path / "one")
    again = pretrain(
        short, music, tmp_path / "one", data_version="2", data=DATA,
        log=lambda line: None, on_epoch=lambda record: None,
    )  # fmt: skip
    assert first.identity != again.identity
    assert without_clock(first) == without_clock(again)
    reseeded = run(short.model_copy(update={"seed": 7}), music, tmp_path / "one")
    assert reseeded.epochs[0].val_loss != first.epochs[0].val_loss
    assert list((tmp_path / "one").glob("*-epoch=*.pt")) == [reseeded.checkpoint]


@pytest.mark.parametrize("tokens", ["performance", "octuple"])
@pytest.mark.slow
def test_music_is_learnt(music, config, tmp_path: Path, tokens: str) -> None:
    longer = with_pretraining(config, **LONGER)
    result = run(with_encoder(longer, tokens=tokens, width=32, dropout=0.0), music, tmp_path)
    best = result.best
    assert all(result.best.beats_unigram.values())
    assert {"pitch", "velocity"} <= result.best.beats_unigram.keys()
    assert best.val_cross_entropy["pitch"] < 0.85 * best.unigram_cross_entropy["pitch"]


@pytest.mark.parametrize("tokens", ["performance", "octuple"])
@pytest.mark.slow
def test_from_random_notes_nothing_is_learnt(random_notes, config, tmp_path, tokens) -> None:
    """A model that does better here was shown what it should guess."""
    longer = with_pretraining(config, **LONGER)
    result = run(with_encoder(longer, tokens=tokens, width=32, dropout=0.0), random_notes, tmp_path)
    for field, classes in {"pitch": 12, "velocity": 16}.items():
        lowest = min(record.val_cross_entropy[field] for record in result.epochs)
        assert lowest > math.log(classes) - 0.02, field


def test_progress_is_logged_and_nothing_else(
    music, config, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    run(with_pretraining(config, epochs=1), music, tmp_path, said.append)
    assert len(said) == 3
    assert "96 windows with 3,840 notes" in said[0]
    told = ("epoch 1/1", "loss", "val loss", "notes/s", "left")
    assert all(word in said[1] for word in told)
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_the_random_state_outside_is_left_alone(music, config, tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    run(with_pretraining(config, epochs=1), music, tmp_path)
    assert torch.rand(1) == expected


def test_what_is_loaded_is_what_was_trained(whole, config) -> None:
    out_dir, result = whole
    torch.manual_seed(1)
    encoder = NoteEncoder(25, config.midi_encoder.model_copy(update={"dropout": 0.0}))
    fresh = {name: weight.clone() for name, weight in encoder.state_dict().items()}
    load_pretrained(encoder, out_dir)
    assert load_pretraining(out_dir) == result
    stored = weights(result.checkpoint)
    assert stored.keys() == fresh.keys()
    assert all(torch.equal(encoder.state_dict()[name], stored[name]) for name in stored)
    learnt = [name for name in fresh if not torch.equal(fresh[name], stored[name])]
    assert set(fresh) - set(learnt) <= {"nothing_struck"} | {
        name for name in fresh if name.endswith("norm.weight")
    }


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"tokens": "octuple"}, "tokens performance instead of octuple"),
        ({"width": 32}, "width 16 instead of 32"),
        ({"heads": 4}, "heads 2 instead of 4"),
        ({"time_unit_s": 0.5}, "time_unit_s 0.002 instead of 0.5"),
    ],
)
def test_another_encoder_is_refused_in_one_line(whole, config, settings, told) -> None:
    encoder = NoteEncoder(10, with_encoder(config, **settings).midi_encoder)
    before = {name: weight.clone() for name, weight in encoder.state_dict().items()}
    with pytest.raises(UserError, match=told) as raised:
        load_pretrained(encoder, whole[0])
    assert "materialise midi_pretrain again" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert all(torch.equal(before[name], weight) for name, weight in encoder.state_dict().items())


def test_a_folder_without_a_pretraining_is_refused(config, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no finished training"):
        load_pretrained(NoteEncoder(10, config.midi_encoder), tmp_path)


def test_no_pretraining_is_configured(music, config, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="pretraining is null"):
        run(config.model_copy(update={"pretraining": None}), music, tmp_path)


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_split_without_notes_is_refused_and_nothing_is_removed(
    whole, music, config, tmp_path: Path, split: str
) -> None:
    (tmp_path / "resume.pt").write_bytes((whole[0] / "resume.pt").read_bytes())
    rest = {name: those for name, those in music.performances.items() if name != split}
    reseeded = config.model_copy(update={"seed": 7})
    with pytest.raises(UserError, match=f"no {split} performance"):
        run(reseeded, type(music)(rest), tmp_path)
    assert (tmp_path / "resume.pt").exists()
