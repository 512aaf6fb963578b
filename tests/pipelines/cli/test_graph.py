"""What commands leave behind for later ones: what a person chose on the command line, no more."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from degradation.errors import UserError
from pipelines.cli import app
from pipelines.execution import runs


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, where no stage is run."""
    for name in os.environ:
        if name.startswith(("PIANOGRADE_", "DAGSTER")):
            monkeypatch.delenv(name)
    # Restored at the end, for commands set and remove some.
    for name in ("MAESTRO", "LIMIT", "EXPERIMENT", "LICENCE", "PERCEPIANO"):
        monkeypatch.setenv(f"PIANOGRADE_{name}", "")
        monkeypatch.delenv(f"PIANOGRADE_{name}")
    monkeypatch.setenv("PIANOGRADE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))

    def materialise(*_: Any) -> None:
        raise UserError("no stage is run here")

    monkeypatch.setattr(runs, "materialise", materialise)
    return tmp_path / "home"


def test_validate_remembers_the_listeners_and_no_corpus(
    home: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIANOGRADE_LIMIT", "20")
    monkeypatch.setenv("PIANOGRADE_MAESTRO", "/root")
    answer = CliRunner().invoke(app, ["validate", "--percepiano", str(checkout)])
    assert "no stage is run here" in answer.stderr
    remembered = json.loads((home / "settings.json").read_text())
    assert remembered == {"percepiano": str(checkout)}


def test_validate_remembers_no_environment(
    home: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIANOGRADE_PERCEPIANO", str(checkout))
    answer = CliRunner().invoke(app, ["validate"])
    assert "no stage is run here" in answer.stderr
    assert not (home / "settings.json").exists()


@pytest.mark.parametrize("command", ["run", "pretrain"])
def test_a_corpus_is_remembered_and_the_environment_is_not(
    home: Path, demo_root: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("PIANOGRADE_STORE", str(home / "elsewhere"))
    monkeypatch.setenv("PIANOGRADE_LIMIT", "20")  # the command line goes before it
    answer = CliRunner().invoke(app, [command, "--maestro", str(demo_root)])
    assert "no stage is run here" in answer.stderr
    remembered = json.loads((home / "settings.json").read_text())
    assert set(remembered) == {"maestro", "limit", "experiment", "licence"}
    assert remembered["maestro"] == str(demo_root)
    assert remembered["limit"] is None
