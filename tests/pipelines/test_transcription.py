"""The asset of what transcription costs, on a few rows and models of an epoch."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest
import yaml

import models.inference.transcriber
import pipelines.assets.transcription as asset_file
from degradation.errors import UserError
from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, SUSTAIN, Performance
from degradation.waveform import Waveform
from labeling.scores import DIMENSIONS
from models.config.experiment import Experiment
from models.evaluation.agreement.model_comparison import best_of
from models.evaluation.audits.documents import (
    System,
    TranscribedSplit,
    TranscriptionAudit,
)
from models.evaluation.audits.transcription import spread_rows
from models.inference.predict import predict_split
from models.inference.trained_model import load_model
from models.inputs.feature_writer import (
    audio_features,
    audio_features_version,
    midi_tokens_version,
    note_features,
)
from models.metrics import Agreement
from models.training.result import TrainingResult
from pipelines.assets.evaluation import judge, other_models
from pipelines.assets.training import (
    find_result,
    read_examples,
    training_assets,
)
from pipelines.assets.transcription import SETS, compared_models, transcription_asset
from pipelines.corpora import Corpus, write_corpus
from pipelines.documents import document_file, read_made
from pipelines.execution.stages import stages
from pipelines.resources import Project
from pipelines.settings import CONFIGS, load_settings
from pipelines.workspace import Workspace
from storage.audio import decode_audio, encode_flac
from storage.derive import derived_path
from storage.derived import samples_path
from storage.midi import read_midi, write_midi
from storage.tables import commit, data_file_path, read_table, write_data_file

RECIPE = "phase2"
CORPUS = "demo"
RATE_HZ = 24_000
DURATION_S = 2.0
COUNT = 40
ROWS = 8
SPLITS = ("train", "validation", "test", "test", "test_counterfactual")
EXPERIMENTS: tuple[Experiment, ...] = ("audio_only", "midi_only", "gated", "concat")


def music(row: int) -> Performance:
    """A run of eight notes, another one for each row, under the pedal from the second second on."""
    notes = np.zeros(8, NOTE_DTYPE)
    notes["note_id"] = np.arange(8)
    notes["onset_s"] = np.arange(8) * 0.2 + 0.001 * row
    notes["offset_s"] = notes["onset_s"] + 0.15
    notes["pitch"] = 50 + (row + 3 * np.arange(8)) % 24
    notes["velocity"] = 40 + row
    pedal = np.array([(1.0, SUSTAIN, 127)], PEDAL_DTYPE)
    return Performance(notes=notes, pedal=pedal, duration_s=DURATION_S)


def commit_rows(workspace: Workspace, name: str, path: str, columns: dict[str, list[Any]]) -> None:
    table = workspace.table(RECIPE, name)
    arrays = [
        pa.array(columns.get(field.name, [None] * COUNT), field.type) for field in table.schema
    ]
    commit(table, [write_data_file(table, path, [pa.table(arrays, schema=table.schema)])])


def commit_tables(workspace: Workspace) -> None:
    """Commit rows with sound and notes, and the features that are made of them."""
    rng, config = np.random.default_rng(1), workspace.experiment_config()
    midi = [write_midi(music(row)) for row in range(COUNT)]
    sounds = [rng.normal(0, 0.05, round(DURATION_S * RATE_HZ)).astype("f4") for _ in range(COUNT)]
    flac = [encode_flac(Waveform(samples=each, sample_rate_hz=RATE_HZ)) for each in sounds]
    frames = audio_features([decode_audio(each, "") for each in flac], config.audio_features)
    notes = [note_features(read_midi(each, ""), "performance") for each in midi]
    splits = [SPLITS[row % 5] for row in range(COUNT)]
    about = {
        "sample_id": [f"s{row:02d}" for row in range(COUNT)], "split": splits,
        "segment_id": [f"g{row:02d}" for row in range(COUNT)],
        "composition": [f"{split} {row % 3}" for row, split in enumerate(splits)],
        "tier": ["good"] * COUNT, "year": [2004] * COUNT, "duration_s": [DURATION_S] * COUNT,
    }  # fmt: skip
    tables: dict[str, tuple[str | None, dict[str, list[Any]]]] = {
        "pairs": (None, {
            "midi": [{"bytes": each, "path": "a.mid"} for each in midi],
            "audio": [{"bytes": each, "path": "a.flac"} for each in flac],
        }),
        "samples": (
            None, {name: list(rng.uniform(50, 100, COUNT)) for name in DIMENSIONS}
        ),
        "audio_features": (audio_features_version(config.audio_features, "performance", None), {
            "features": [each.astype("<f2").tobytes() for each in frames],
            "frames": [len(each) for each in frames],
            "width": [each.shape[1] for each in frames],
        }),
        "midi_tokens": (midi_tokens_version("performance"), {
            "tokens": [each.tokens.tobytes() for each in notes],
            "notes": [len(each.tokens) for each in notes],
            "measures": [each.measures for each in notes],
        }),
    }  # fmt: skip
    path = data_file_path(
        workspace.table(RECIPE, "pairs"), {"tier": "good", "year": "2004"}, "first"
    )
    for name, (version, columns) in tables.items():
        where = path if version is None else derived_path(path, version)
        where = samples_path([path]) if name == "samples" else where
        commit_rows(workspace, name, where, about | columns)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with rows and with models that were trained on them for an epoch."""
    home = tmp_path_factory.mktemp("home")
    content = yaml.safe_load((CONFIGS / "experiments" / "demo.yaml").read_text())
    content |= {"experiments": list(EXPERIMENTS), "pretraining": None, "torch_threads": 1}
    content["hearing"] = None
    content["training"] |= {"epochs": 1, "batch_size": 8}
    (home / "tiny.yaml").write_text(yaml.safe_dump(content))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIANOGRADE_HOME", str(home))
        settings, corpus = load_settings(), Corpus(name=CORPUS, experiment=home / "tiny.yaml")
        write_corpus(settings, corpus)
        commit_tables(Workspace(settings, corpus))
        for asset in training_assets(RECIPE):
            if asset.key.path[-1] in EXPERIMENTS:
                asset(dg.build_asset_context(partition_key=CORPUS), project=Project())
    return home


class Clairvoyant:
    """Finds in a row's sound exactly what was played, or all of it a tone higher."""

    def __init__(self, workspace: Workspace, semitones: int) -> None:
        self.name, self.semitones = f"clairvoyant {semitones}", semitones
        rows = read_table(workspace.table(RECIPE, "pairs")).to_table(
            columns=["sample_id", "audio", "midi"]
        )
        self.played = {
            _digest(decode_audio(row["audio"]["bytes"], "")): row["midi"]["bytes"]
            for row in rows.to_pylist()
        }

    def transcribe(self, waveform: Waveform) -> Performance:
        played = read_midi(self.played[_digest(waveform)], "played")
        notes = played.notes.copy()
        notes["pitch"] += self.semitones
        return Performance(notes=notes, pedal=played.pedal, duration_s=played.duration_s)


def _digest(waveform: Waveform) -> str:
    return hashlib.sha256(waveform.samples.tobytes()).hexdigest()


Materialise = Callable[..., dict[str, Any]]


@pytest.fixture
def workspace(home: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("PIANOGRADE_HOME", str(home))
    monkeypatch.setenv("PIANOGRADE_TRANSCRIPTION_ROWS", str(ROWS))
    return Project().workspace(CORPUS)


@pytest.fixture
def materialise(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Materialise:
    """Return a maker of the asset with a transcriber that stands in, and its metadata."""

    def run(semitones: int = 0) -> dict[str, Any]:
        stand_in = Clairvoyant(workspace, semitones)
        monkeypatch.setattr(
            models.inference.transcriber, "load_transcriber", lambda threads: stand_in
        )
        result = transcription_asset(RECIPE)(
            dg.build_asset_context(partition_key=CORPUS), project=Project()
        )
        assert isinstance(result, dg.MaterializeResult)
        return dict(result.metadata or {})

    return run


def made(workspace: Workspace) -> TranscriptionAudit:
    """Return what the asset wrote."""
    return read_made(workspace, RECIPE, "transcription", TranscriptionAudit)


def agreements_of(found: TranscribedSplit) -> dict[System, Agreement]:
    return {one.system: one.agreement for one in found.systems}


def test_a_perfect_transcription_costs_nothing(
    workspace: Workspace, materialise: Materialise
) -> None:
    metadata = materialise()
    audit = made(workspace)
    assert audit.transcriber == "clairvoyant 0"
    assert {"audio_only", "midi_only"} < set(audit.models)
    (fusion,) = set(audit.models) - {"audio_only", "midi_only"}
    assert [audit.splits[split].rows for split in SETS] == [ROWS, ROWS]
    found = audit.splits["test"]
    assert (found.rows_in_split, found.rows_asked) == (16, ROWS)
    assert (found.rows_without_notes, found.rows_out_of_time) == (0, 0)
    assert (found.compositions, found.onsets.f1, found.onsets.pedal_agreement) == (3, 1, 1)
    agreements = agreements_of(found)
    assert len(agreements) == 5
    for model in ("midi_only", fusion):
        pair = (agreements[System(model, notes)] for notes in ("transcribed", "true"))
        np.testing.assert_allclose(*(one.mae for one in pair))
    assert metadata["rows"] == 2 * ROWS
    assert {"systems", "json"} <= set(metadata)


def test_the_fusion_model_is_the_best_one(workspace: Workspace, materialise: Materialise) -> None:
    materialise()
    audit = made(workspace)
    data = read_examples(workspace, RECIPE)
    reached = {name: find_result(workspace, RECIPE, name, data).best.mean_r for name in EXPERIMENTS}
    assert max(("gated", "concat"), key=lambda name: reached[name]) in audit.models


@pytest.mark.parametrize(
    ("gated_r", "concat_r", "best"),
    [(0.4, 0.3, "gated"), (0.3, 0.4, "concat"), (np.nan, 0.1, "concat")],
)
def test_the_best_fusion_is_the_reports_which_looks_at_r_and_not_at_the_loss(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    gated_r: float,
    concat_r: float,
    best: str,
) -> None:
    data = read_examples(workspace, RECIPE)
    reached: dict[Experiment, float] = {"gated": gated_r, "concat": concat_r}

    def with_r(place: Workspace, recipe: str, name: Experiment, rows: object) -> TrainingResult:
        found = find_result(workspace, RECIPE, name, data)
        epoch = replace(
            found.best, val_r=(reached.get(name, 0.0),) * 8, val_loss=1 + reached.get(name, 0.0)
        )
        return replace(found, epochs=(epoch,))

    monkeypatch.setattr(asset_file, "find_result", with_r)
    compared = compared_models(workspace, RECIPE, data)
    assert set(compared) == {"audio_only", "midi_only", best}
    fusions = [
        SimpleNamespace(name=name, validation_r=with_r(workspace, RECIPE, name, data).best.val_r)
        for name in reached
    ]
    assert best_of(cast(list[Any], fusions)).name == best


def test_a_comparison_of_other_models_is_not_the_reports(
    workspace: Workspace, materialise: Materialise
) -> None:
    materialise()
    audit = made(workspace)
    data = read_examples(workspace, RECIPE)
    outcomes = [judge(workspace, RECIPE, name, data) for name in EXPERIMENTS]
    assert other_models(audit, outcomes) == []
    assert other_models(replace(audit, models={"midi_only": "0"}), outcomes) == ["midi_only"]
    without = [one for one in outcomes if one.training.experiment != "audio_only"]
    assert other_models(audit, without) == ["audio_only"]


def test_clips_that_were_transcribed_are_kept(
    workspace: Workspace, materialise: Materialise, monkeypatch: pytest.MonkeyPatch
) -> None:
    materialise()
    before = made(workspace)

    def transcribe(self: Clairvoyant, waveform: Waveform) -> Performance:
        raise AssertionError("transcribed again")

    monkeypatch.setattr(Clairvoyant, "transcribe", transcribe)
    materialise()
    assert repr(made(workspace)) == repr(before)


def test_no_rows_are_nothing_to_do(
    workspace: Workspace, materialise: Materialise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIANOGRADE_TRANSCRIPTION_ROWS", "0")
    metadata = materialise()
    assert metadata["rows"] == 0
    audit = made(workspace)
    assert audit.splits == {}


def test_wrong_notes_are_seen_in_the_match_and_in_the_scores(
    workspace: Workspace, materialise: Materialise
) -> None:
    materialise(semitones=1)
    audit = made(workspace)
    found = audit.splits["test"]
    assert found.onsets.f1 == 0
    agreements = agreements_of(found)
    true, transcribed = (
        agreements[System("midi_only", notes)].mae for notes in ("true", "transcribed")
    )
    assert true != transcribed


def test_scores_from_true_notes_are_those_that_the_report_judges(
    workspace: Workspace, materialise: Materialise
) -> None:
    materialise()
    audit = made(workspace)
    data = read_examples(workspace, RECIPE)
    found = audit.splits["test"]
    systems = [one.system for one in found.systems if one.system.notes != "transcribed"]
    assert len(systems) == 3
    rows, true = spread_rows(data.samples, "test", ROWS), data.samples.set_index("sample_id")
    for system in systems:
        folder = workspace.model_folder(RECIPE, system.experiment)
        judged = predict_split(load_model(folder), data.parts, data.samples, "test").set_index(
            "sample_id"
        )
        predicted, labels = (table.loc[rows, list(DIMENSIONS)] for table in (judged, true))
        mae = np.abs(predicted.to_numpy(float) - labels.to_numpy(float)).mean(axis=0)
        np.testing.assert_allclose(agreements_of(found)[system].mae, mae, atol=1e-3)


def test_without_the_extra_it_says_so_and_leaves_nothing_stale(
    workspace: Workspace, materialise: Materialise, monkeypatch: pytest.MonkeyPatch
) -> None:
    materialise()

    def missing(threads: int) -> None:
        raise UserError("transcription needs Transkun; expected the extra")

    monkeypatch.setattr(models.inference.transcriber, "load_transcriber", missing)
    result = transcription_asset(RECIPE)(
        dg.build_asset_context(partition_key=CORPUS), project=Project()
    )
    assert isinstance(result, dg.MaterializeResult)
    assert "expected the extra" in str((result.metadata or {})["left out"])
    assert not document_file(workspace, RECIPE, "transcription").exists()


@pytest.mark.parametrize("installed", [True, False])
def test_a_run_has_it_where_the_extra_is_installed(
    installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.inference.transcriber.can_transcribe", lambda: installed)
    assets = [key for stage in stages(RECIPE, ["midi_only"]) for key in stage.assets]
    assert ((RECIPE, "transcription") in assets) == installed
