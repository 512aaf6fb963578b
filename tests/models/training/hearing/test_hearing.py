"""The note detector in pretraining, on rendered random notes."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from degradation.errors import UserError
from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, SUSTAIN, Performance
from degradation.recipe import load_recipe
from degradation.render import render
from degradation.tiered import TieredRecipe
from models.config.experiment import ExperimentConfig
from models.hearing.detector import load_detector
from models.hearing.spectrum import FRAME_RATE_HZ, HOP_SAMPLES
from models.training.hearing import clips
from models.training.hearing.clips import ClipTable, Stretches
from models.training.hearing.module import spread_places
from models.training.hearing.note_scores import NoteScores, mean_scores, score_notes
from models.training.hearing.result import HearingResult, hearing_identity, load_hearing
from models.training.hearing.train import pretrain_hearing
from models.training.record import TrainingData
from models.training.weights import read_weights
from pipelines.settings import CONFIGS
from storage.audio import encode_flac
from storage.midi import write_midi
from storage.schema import PAIRS
from storage.tables import Table, commit, data_file_path, read_data_file, write_data_file
from storage.versions import find_version

DATA = TrainingData(corpus="demo", tables={})
SPLITS = ("train", "train", "train", "validation", "test")


@pytest.fixture(scope="module")
def pairs(
    tmp_path_factory: pytest.TempPathFactory, perform_at_random: Callable[..., Performance]
) -> ClipTable:
    """Thirty clips of three seconds in two files, of which one row repeats another."""
    folder = tmp_path_factory.mktemp("pairs")
    recipe = load_recipe(CONFIGS / "recipes" / "phase2.yaml")
    assert isinstance(recipe, TieredRecipe)
    table = Table(url=str(folder), schema=PAIRS, partition_by=("tier", "year"))
    files = []
    for part in range(2):
        rows = []
        for number in range(15):
            played = perform_at_random(100 * part + number, notes=20, duration_s=3.0)
            name = f"{part}-{number:02d}"
            rows.append(
                {
                    "sample_id": name,
                    "split": SPLITS[number % 5],
                    "tier": "good",
                    "year": 2004,
                    "duration_s": 3.0,
                    "duplicate_of": "0-00" if name == "1-01" else None,
                    "audio_source": "rendered",
                    "instrument": recipe.instrument.model_dump_json(),
                    "midi": {"bytes": write_midi(played), "path": f"{name}.mid"},
                    "audio": {
                        "bytes": encode_flac(render(played, recipe.instrument)),
                        "path": f"{name}.flac",
                    },
                }
            )
        path = data_file_path(table, {"tier": "good", "year": "2004"}, f"part{part}")
        groups = [pa.Table.from_pylist(rows[i : i + 5], schema=PAIRS) for i in (0, 5, 10)]
        files.append(write_data_file(table, path, groups))
    commit(table, files)
    return ClipTable(table=table, version=find_version(table).version)


@pytest.fixture(scope="module")
def config(tiny_config: ExperimentConfig, demo_config: ExperimentConfig) -> ExperimentConfig:
    assert demo_config.hearing is not None
    hearing = demo_config.hearing.model_copy(
        update={
            "detector": demo_config.hearing.detector.model_copy(
                update={"key_channels": 8, "context_width": 16}
            ),
            "epochs": 3,
            "clips_per_epoch": 16,
            "validation_clips": 2,
            "crop_s": 1.0,
            "batch_size": 4,
        }
    )
    return tiny_config.model_copy(update={"hearing": hearing})


def run(config: ExperimentConfig, source: ClipTable, folder: Path, log=lambda line: None):
    return pretrain_hearing(
        config, source, folder, data=DATA, log=log, on_epoch=lambda record: None
    )


def without_clock(result: HearingResult) -> list[object]:
    clock = dict.fromkeys(("seconds", "clips_per_s", "reading_share", "spectra_share"), 0.0)
    return [dataclasses.replace(record, **clock) for record in result.epochs]


@pytest.fixture(scope="module")
def whole(
    pairs: ClipTable, config: ExperimentConfig, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, HearingResult]:
    folder = tmp_path_factory.mktemp("whole")
    return folder, run(config, pairs, folder)


class Killed(BaseException):
    pass


@pytest.mark.parametrize(("die_at", "done"), [("epoch 2/3", 2), ("epoch 2, ", 1)])
def test_a_killed_pretraining_ends_as_if_it_was_not(
    whole: tuple[Path, HearingResult],
    pairs: ClipTable,
    config: ExperimentConfig,
    tmp_path: Path,
    die_at: str,
    done: int,
) -> None:
    def log(line: str) -> None:
        if die_at in line:
            raise Killed

    training = config.training.model_copy(update={"progress_every_s": 1e-6})
    with pytest.raises(Killed):
        run(config.model_copy(update={"training": training}), pairs, tmp_path, log)
    said: list[str] = []
    resumed = run(config, pairs, tmp_path, said.append)
    assert f"audio_pretrain: goes on after epoch {done}" in said
    assert without_clock(resumed) == without_clock(whole[1])
    one, other = (read_weights(result.checkpoint) for result in (whole[1], resumed))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_what_was_trained_hears_again_what_it_heard(
    whole: tuple[Path, HearingResult], pairs: ClipTable
) -> None:
    trained = load_hearing(whole[0]).trained
    detector = load_detector(trained)
    assert not detector.training
    stored = read_weights(trained.checkpoint)
    assert all(torch.equal(stored[name], weight) for name, weight in detector.state_dict().items())


@pytest.mark.slow
def test_notes_are_learnt(pairs: ClipTable, config: ExperimentConfig, tmp_path: Path) -> None:
    """From seventeen clips of random notes, enough to find some of others'; chance finds 1 %."""
    assert config.hearing is not None
    longer = config.hearing.model_copy(update={"epochs": 40, "batch_size": 2})
    first, *_, last = run(config.model_copy(update={"hearing": longer}), pairs, tmp_path).epochs
    assert last.train_loss < 0.6 * first.train_loss
    assert last.clean.onset_f1 > 0.2
    assert last.clean.onset_f1 == pytest.approx(last.recorded.onset_f1, abs=0.02)


def test_an_epoch_reads_distinct_train_rows_alone(
    pairs: ClipTable, config: ExperimentConfig
) -> None:
    read = [clip.sample_id for place in pairs.places("train") for clip in pairs.read(place)]
    assert len(read) == len(set(read)) == 17
    assert "1-01" not in read
    assert config.hearing is not None
    for epoch in range(2):
        batches = list(Stretches(pairs, config.hearing, 1, epoch))
        assert [len(batch.sound) for batch in batches] == [4, 4, 4, 4]
        frames = FRAME_RATE_HZ
        assert all(batch.sound.shape[1] == frames * HOP_SAMPLES for batch in batches)
        assert all(batch.onset.shape[1:] == (88, frames) for batch in batches)


def test_the_table_is_read_once_for_the_places_of_all_splits(
    pairs: ClipTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def counted(*given: object) -> object:
        read.append(given)
        return read_data_file(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(clips, "read_data_file", counted)
    source = ClipTable(table=pairs.table, version=pairs.version)
    for split, rows in {"train": 17, "validation": 6, "test": 6, "another": 0}.items():
        assert sum(len(place.rows) for place in source.places(split)) == rows
    assert len(read) == 2


def test_stretches_are_other_ones_in_another_epoch_and_the_same_in_the_same(
    pairs: ClipTable, config: ExperimentConfig
) -> None:
    assert config.hearing is not None
    first, again, other = (
        torch.cat([batch.sound for batch in Stretches(pairs, config.hearing, 1, epoch)])
        for epoch in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_sound_and_targets_of_a_stretch_belong_together(
    pairs: ClipTable, config: ExperimentConfig
) -> None:
    """Loudness rises where onsets are: a shift by 100 ms or more fits less well."""
    assert config.hearing is not None
    sound, onset = [], []
    for batch in Stretches(pairs, config.hearing, 1, 0):
        frames = batch.sound.unflatten(1, (-1, HOP_SAMPLES)).square().mean(-1).sqrt()
        sound.append(torch.diff(frames, dim=1).clamp_min(0))
        onset.append((batch.onset * batch.velocity).sum(1)[:, 1:])
    rise, struck = torch.cat(sound).numpy(), torch.cat(onset).numpy()

    def fit(shift: int) -> float:
        return float(np.corrcoef(np.roll(rise, shift, 1).ravel(), struck.ravel())[0, 1])

    assert fit(0) > max(fit(shift) for shift in (-20, -10, -6, 6, 10, 20))
    assert fit(0) > 0.3


def test_hearing_that_is_off_or_has_no_clips_is_refused(
    pairs: ClipTable, config: ExperimentConfig, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="the experiment's hearing is null"):
        run(config.model_copy(update={"hearing": None}), pairs, tmp_path)


NOTES = Performance(
    notes=np.array([(0, 0.5, 1.0, 60, 64), (1, 1.2, 1.9, 64, 80)], NOTE_DTYPE),
    pedal=np.array([(0.0, SUSTAIN, 127), (1.0, SUSTAIN, 0)], PEDAL_DTYPE),
    duration_s=2.0,
)


@pytest.mark.parametrize(
    ("field", "by", "lost"),
    [
        ("onset_s", -0.06, {"onset_f1", "offset_f1", "velocity_f1"}),
        ("offset_s", -0.25, {"offset_f1"}),
        ("pitch", 1, {"onset_f1", "offset_f1", "velocity_f1"}),
        ("onset_s", -0.03, set()),
    ],
)
def test_each_score_falls_with_what_it_is_of(field: str, by: float, lost: set[str]) -> None:
    perfect = NoteScores(onset_f1=1.0, offset_f1=1.0, velocity_f1=1.0, pedal_f1=1.0)
    assert score_notes(NOTES, NOTES) == perfect
    notes = NOTES.notes.copy()
    notes[field] = notes[field] + type(notes[field][0])(by) if by > 0 else notes[field] + by
    found = score_notes(NOTES, dataclasses.replace(NOTES, notes=notes))
    assert found is not None
    assert {name for name, value in dataclasses.asdict(found).items() if value < 1} == lost


def test_the_pedal_is_scored_by_the_time_that_it_is_down() -> None:
    pedal = NOTES.pedal.copy()
    pedal["time_s"][1] = 0.5
    found = score_notes(NOTES, dataclasses.replace(NOTES, pedal=pedal))
    assert found is not None
    assert found.pedal_f1 == pytest.approx(2 * 25 / 75)
    silent = Performance(notes=NOTES.notes[:0], pedal=NOTES.pedal, duration_s=2.0)
    assert score_notes(silent, NOTES) is None
    nothing = score_notes(NOTES, silent)
    assert nothing is not None
    assert (nothing.onset_f1, nothing.pedal_f1) == (0, 1)
    unpressed = dataclasses.replace(NOTES, pedal=pedal[:0])
    nowhere = score_notes(unpressed, unpressed)
    assert nowhere is not None
    assert np.isnan(nowhere.pedal_f1)
    assert mean_scores([found, nowhere]).pedal_f1 == found.pedal_f1
    assert np.isnan(mean_scores([]).onset_f1)


def test_a_heard_note_ends_where_it_was_heard_to_end() -> None:
    """Whatever the pedal that is heard would add to it."""
    notes = np.array([(0, 0.5, 0.9, 60, 64)], NOTE_DTYPE)
    held = np.array([(0.6, SUSTAIN, 127), (1.8, SUSTAIN, 0)], PEDAL_DTYPE)
    quick = np.array([(0.6, SUSTAIN, 127), (0.9, SUSTAIN, 0)], PEDAL_DTYPE)
    played, heard = (Performance(notes=notes, pedal=one, duration_s=2.0) for one in (quick, held))
    found = score_notes(played, heard)
    assert found is not None
    assert found.offset_f1 == 1


@pytest.mark.parametrize("count", [1, 2, 4, 5, 6, 9])
def test_what_is_judged_is_spread_over_the_whole_split(pairs: ClipTable, count: int) -> None:
    places = pairs.places("validation")
    assert len(places) == 6
    at = [places.index(place) for place in spread_places(pairs, count)]
    assert len(at) == min(count, 6)
    assert max(np.diff([*at, 6])) <= -(-6 // count)


def test_a_detector_is_kept_whatever_becomes_of_the_pairs(
    whole: tuple[Path, HearingResult], pairs: ClipTable, config: ExperimentConfig
) -> None:
    """So that an edited tier has nothing of the others made again; other settings train anew."""
    folder, result = whole
    gone = dataclasses.replace(pairs, table=dataclasses.replace(pairs.table, url="nowhere"))
    assert run(config, gone, folder) == result
    other = config.model_copy(update={"seed": config.seed + 1})
    assert hearing_identity(other) != result.identity
