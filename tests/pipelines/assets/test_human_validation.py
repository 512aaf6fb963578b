"""The command `validate`: a page from a checkout, and one line where there is none."""

import json
import os
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from typer.testing import CliRunner

from models.document import write_document
from models.evaluation.human.training_overlap import find_overlap
from models.training.result import HISTORY_FILE
from pipelines.assets.human_validation import pretrained_on, train_split
from pipelines.assets.pretraining import expected_identity
from pipelines.cli import app
from pipelines.corpora import Corpus, write_corpus
from pipelines.settings import CONFIGS, Settings
from pipelines.workspace import Workspace
from storage.columns import NOTES, PEDAL, list_column
from storage.percepiano import Clip, read_percepiano
from storage.tables import commit, data_file_path, write_data_file


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in os.environ:
        if name.startswith(("PIANOGRADE_", "DAGSTER")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIANOGRADE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    monkeypatch.setenv("PIANOGRADE_PERCEPIANO", "")  # restored at the end, as the command sets it
    monkeypatch.delenv("PIANOGRADE_PERCEPIANO")
    (tmp_path / "dagster").mkdir()
    return tmp_path / "home"


def test_without_models_functions_are_judged_and_the_page_says_what_is_missing(
    home: Path, checkout: Path
) -> None:
    answer = CliRunner().invoke(app, ["validate", "--percepiano", str(checkout)])
    assert answer.exit_code == 0, answer.output
    assert "Trained models were not compared: no model of this recipe is trained" in answer.output
    folder = home / "outputs" / "demo" / "phase2" / "human_validation"
    content = json.loads((folder / "human_validation.json").read_text())
    assert content["clips"]["judged"] == 42
    assert content["models"] is None
    assert (folder / "human_validation.html").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "no ratings are set; expected a PercePiano checkout or a folder of rated recordings"),
        (["--percepiano", "/nowhere"], "/nowhere has no virtuoso/data/all_2rounds; expected"),
    ],
)
def test_no_checkout_is_told_in_one_line(arguments: list[str], told: str) -> None:
    answer = CliRunner().invoke(app, ["validate", *arguments])
    assert answer.exit_code == 2
    assert told in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


@pytest.fixture
def clips(checkout: Path) -> list[Clip]:
    return [clip for clip in read_percepiano(checkout).clips if not clip.is_score]


def commit_performances(workspace: Workspace, clips: list[Clip]) -> None:
    """Commit a corpus whose train split is performances that clips were cut from."""
    table = workspace.corpus_table("performances")
    columns = {
        "performance_id": pa.array([clip.stem for clip in clips]),
        "midi_filename": pa.array([f"2015/{clip.stem}.midi" for clip in clips]),
        "split": pa.array(["train"] * len(clips)),
        "year": pa.array([2015] * len(clips)),
        "notes": list_column([clip.performance.notes for clip in clips], NOTES),
        "pedal": list_column([clip.performance.pedal for clip in clips], PEDAL),
    }
    rows = pa.table(
        [
            columns[field.name].cast(field.type)
            if field.name in columns
            else pa.nulls(len(clips), field.type)
            for field in table.schema
        ],
        schema=table.schema,
    )
    commit(
        table, [write_data_file(table, data_file_path(table, {"year": "2015"}, "first"), [rows])]
    )


def finish_pretraining(workspace: Workspace) -> None:
    """Leave what a finished pretraining leaves, so far as it is asked for."""
    history = {"identity": expected_identity(workspace), "checkpoint": "none.pt", "parameters": 1}
    write_document(workspace.pretraining_folder / HISTORY_FILE, {**history, "epochs": []})


def test_a_limit_with_the_encoder_of_its_whole_root_has_read_the_whole_root(
    home: Path, clips: list[Clip]
) -> None:
    settings, root = Settings(home=home), home / "maestro"
    limited, whole = (
        Workspace(settings, Corpus(name=name, maestro=root, limit=limit))
        for name, limit in (("part", 3), ("whole", None))
    )
    for workspace in (limited, whole):
        write_corpus(settings, workspace.corpus)
    commit_performances(limited, clips[:3])
    commit_performances(whole, clips[:20])
    assert set(find_overlap(clips, pretrained_on(limited))) == {clip.stem for clip in clips[:3]}
    finish_pretraining(whole)
    assert set(find_overlap(clips, train_split(limited))) == {clip.stem for clip in clips[:3]}
    assert set(find_overlap(clips, pretrained_on(limited))) == {clip.stem for clip in clips[:20]}


def test_without_pretraining_no_encoder_has_read_anything(home: Path, clips: list[Clip]) -> None:
    content = yaml.safe_load((CONFIGS / "experiments" / "demo.yaml").read_text())
    home.mkdir()
    (home / "bare.yaml").write_text(yaml.safe_dump(content | {"pretraining": None}))
    workspace = Workspace(Settings(home=home), Corpus(name="demo", experiment=home / "bare.yaml"))
    commit_performances(workspace, clips[:3])
    assert list(pretrained_on(workspace)) == []
