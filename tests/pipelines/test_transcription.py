"""The asset of what transcription costs, on a project whose graph was run once."""

import hashlib
from collections.abc import Callable
from typing import Any

import dagster as dg
import numpy as np
import pytest

import pipelines.assets.transcription as asset_file
from degradation.errors import UserError
from degradation.notes import Performance
from degradation.waveform import Waveform
from models.transcription import can_transcribe
from pipelines.assets.transcription import read_transcription, transcription_asset
from pipelines.resources import Project
from pipelines.runs import stages
from pipelines.workspace import Workspace
from storage.audio import decode_audio
from storage.midi import read_midi
from storage.tables import read_table

RECIPE = "phase2"
ROWS = 8


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
def workspace(finished: Any, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("PIANOGRADE_HOME", str(finished.home))
    monkeypatch.setenv("PIANOGRADE_TRANSCRIPTION_ROWS", str(ROWS))
    return Project().workspace


@pytest.fixture
def materialise(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Materialise:
    """Return a maker of the asset with a transcriber that stands in, and its metadata."""

    def run(semitones: int = 0) -> dict[str, Any]:
        stand_in = Clairvoyant(workspace, semitones)
        monkeypatch.setattr(asset_file, "load_transcriber", lambda threads: stand_in)
        result = transcription_asset(RECIPE)(dg.build_asset_context(), project=Project())
        assert isinstance(result, dg.MaterializeResult)
        return dict(result.metadata or {})

    return run


def test_a_perfect_transcription_costs_nothing(
    workspace: Workspace, materialise: Materialise
) -> None:
    metadata = materialise()
    content = read_transcription(workspace, RECIPE)
    assert content is not None
    assert content["transcriber"] == "clairvoyant 0"
    assert set(content["models"]) == {"audio_only", "midi_only", "gated"}
    assert list(content["sets"]) == ["test"]
    found = content["sets"]["test"]
    assert (found["rows"], found["rows_asked"], found["out_of_time"]) == (ROWS, ROWS, False)
    assert found["rows_in_split"] > ROWS
    assert (found["onsets"]["f1"], found["onsets"]["pedal_agreement"]) == (1, 1)
    for row in found["by_row"]:
        scores = row["scores"]
        assert len(scores) == 5
        for model, heard in (("midi_only", ""), ("gated", "audio and ")):
            np.testing.assert_allclose(
                scores[f"{model}: {heard}transcribed MIDI"], scores[f"{model}: {heard}true MIDI"]
            )
    assert metadata["rows"] == ROWS
    assert {"onsets", "systems", "gains in r", "json"} <= set(metadata)


def test_wrong_notes_are_seen_in_the_match_and_in_the_scores(
    workspace: Workspace, materialise: Materialise
) -> None:
    materialise(semitones=1)
    content = read_transcription(workspace, RECIPE)
    assert content is not None
    found = content["sets"]["test"]
    assert found["onsets"]["f1"] < 0.2
    scores = found["by_row"][0]["scores"]
    assert scores["midi_only: true MIDI"] != scores["midi_only: transcribed MIDI"]


def test_scores_from_true_notes_are_those_that_the_report_judges(
    workspace: Workspace, materialise: Materialise
) -> None:
    from models.predict import predict
    from pipelines.assets.training import model_folder, read_examples

    materialise()
    content = read_transcription(workspace, RECIPE)
    assert content is not None
    data = read_examples(workspace, RECIPE)
    for experiment, system in (
        ("audio_only", "audio_only: audio"),
        ("midi_only", "midi_only: true MIDI"),
        ("gated", "gated: audio and true MIDI"),
    ):
        folder = model_folder(workspace, RECIPE, experiment)  # type: ignore[arg-type]
        judged = predict(folder, data.parts, data.samples, "test").set_index("sample_id")
        for row in content["sets"]["test"]["by_row"]:
            np.testing.assert_allclose(
                row["scores"][system], judged.loc[row["sample_id"]].to_numpy(float), atol=1e-3
            )


def test_without_the_extra_it_says_so_and_leaves_nothing_stale(
    workspace: Workspace, materialise: Materialise, monkeypatch: pytest.MonkeyPatch
) -> None:
    materialise()

    def missing(threads: int) -> None:
        raise UserError("transcription needs Transkun; expected the extra")

    monkeypatch.setattr(asset_file, "load_transcriber", missing)
    result = transcription_asset(RECIPE)(dg.build_asset_context(), project=Project())
    assert isinstance(result, dg.MaterializeResult)
    assert "expected the extra" in str((result.metadata or {})["left out"])
    assert read_transcription(workspace, RECIPE) is None


@pytest.mark.parametrize("installed", [True, False])
def test_a_run_has_it_where_the_extra_is_installed(
    installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.runs.can_transcribe", lambda: installed)
    assets = [key for stage in stages(RECIPE, ["midi_only"]) for key in stage.assets]
    assert ((RECIPE, "transcription") in assets) == installed


@pytest.mark.skipif(
    not can_transcribe(), reason="Transkun is not installed (pip install '.[transcription]')"
)
def test_transkun_finds_most_notes_of_the_rows(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIANOGRADE_TRANSCRIPTION_ROWS", "2")
    result = transcription_asset(RECIPE)(dg.build_asset_context(), project=Project())
    assert isinstance(result, dg.MaterializeResult)
    content = read_transcription(workspace, RECIPE)
    assert content is not None
    assert content["transcriber"].startswith("transkun ")
    found = content["sets"]["test"]
    assert found["rows"] == 2
    assert found["onsets"]["f1"] > 0.8
