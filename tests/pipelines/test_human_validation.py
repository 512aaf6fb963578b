"""The command `validate`: a page from a checkout, and one line where there is none."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli import app


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
    assert "Nothing can be said of the trained models: no model of this recipe" in answer.output
    folder = home / "outputs" / "demo" / "phase2" / "human_validation"
    content = json.loads((folder / "human_validation.json").read_text())
    assert content["clips"]["judged"] == 42
    assert content["models"] is None
    assert (folder / "human_validation.html").exists()
    remembered = json.loads((home / "settings.json").read_text())
    assert remembered["percepiano"] == str(checkout)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "no PercePiano folder is set; expected a checkout of it: add --percepiano FOLDER"),
        (["--percepiano", "/nowhere"], "/nowhere has no virtuoso/data/all_2rounds; expected"),
    ],
)
def test_no_checkout_is_told_in_one_line(arguments: list[str], told: str) -> None:
    answer = CliRunner().invoke(app, ["validate", *arguments])
    assert answer.exit_code == 2
    assert told in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
