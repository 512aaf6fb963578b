"""A home that cannot be written: one line of those who write, and none who only reads minds."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models.config.experiment import EXPERIMENTS
from pipelines.cli import app
from pipelines.corpora import Corpus
from pipelines.settings import load_settings
from pipelines.workspace import Workspace


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of one's own that nothing has been written to."""
    for name in os.environ:
        if name.startswith(("PIANOGRADE_", "DAGSTER")):
            monkeypatch.delenv(name)
    # Restored at the end, for commands set it.
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.delenv("DAGSTER_HOME")
    monkeypatch.setenv("PIANOGRADE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def deny_writing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system say that nothing below may be written, as it does, root too, of a mount."""
    access = os.access

    def denied(path: str | Path, mode: int) -> bool:
        return access(path, mode) and not (mode == os.W_OK and str(path).startswith(str(home)))

    monkeypatch.setattr(os, "access", denied)


@pytest.mark.parametrize(
    "command", ["demo", "run", "pretrain", "ui", "vacuum", "listen", "validate"]
)
@pytest.mark.parametrize("kind", ["below a file", "read-only"])
def test_a_command_that_writes_says_so_in_one_line(
    command: str,
    kind: str,
    home: Path,
    demo_root: Path,
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if kind == "below a file":
        home.write_text("")
        monkeypatch.setenv("PIANOGRADE_HOME", str(home / "home"))
    else:
        (home / "dagster").mkdir(parents=True)
        deny_writing(home, monkeypatch)
    arguments = {
        "run": ["--maestro", str(demo_root)],
        "pretrain": ["--maestro", str(demo_root)],
        "validate": ["--percepiano", str(checkout)],
    }
    answer = CliRunner().invoke(app, [command, *arguments.get(command, [])])
    assert answer.exit_code == 2, answer.output
    told = [line for line in answer.stderr.splitlines() if not line.startswith("[")]
    assert len(told) == 1, answer.stderr
    assert str(home) in told[0]


def test_who_looks_for_models_makes_no_folder(home: Path) -> None:
    workspace = Workspace(load_settings(), Corpus(name="demo"))
    for experiment in EXPERIMENTS:
        assert not workspace.model_folder("phase2", experiment).exists()
    assert not home.exists()


def test_an_output_is_made_by_who_writes_it_alone(home: Path) -> None:
    workspace = Workspace(load_settings(), Corpus(name="demo"))
    path = workspace.fetch(workspace.output("phase2", "evaluation"))
    assert not path.exists()
    with workspace.write(path):
        assert path.is_dir()


@pytest.mark.parametrize("kind", ["gone", "relative", "~", "a file", "read-only", "broken"])
def test_a_dagster_home_that_cannot_be_used_is_one_line_that_names_it(
    kind: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "there").mkdir()
    values = {
        "gone": str(tmp_path / "gone"),
        "relative": "dagster_home",
        "~": "~/dagster_home",
        "a file": str(tmp_path / "file"),
    }
    if kind == "read-only":
        deny_writing(tmp_path / "there", monkeypatch)
    if kind == "broken":
        (tmp_path / "there" / "dagster.yaml").write_text("storage: {sqlite: nonsense")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    monkeypatch.setenv("DAGSTER_HOME", values.get(kind, str(tmp_path / "there")))
    answer = CliRunner().invoke(app, ["vacuum"])
    assert answer.exit_code == 2, answer.output
    [told] = answer.stderr.splitlines()
    assert "DAGSTER_HOME" in told
    assert "unset DAGSTER_HOME" in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "there"]


def test_an_empty_dagster_home_is_none(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    assert CliRunner().invoke(app, ["vacuum"]).exit_code == 0
    assert (home / "dagster" / "dagster.yaml").exists()


def test_a_folder_that_was_deleted_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    answer = CliRunner().invoke(app, ["query", "select 1"])
    assert answer.exit_code == 2
    assert "was deleted" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
