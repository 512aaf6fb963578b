"""Commands that choose a corpus: what they write, and what they refuse."""

import os
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from typer.testing import CliRunner

from degradation.errors import UserError
from pipelines.cli import app
from pipelines.execution import runs
from pipelines.settings import CONFIGS


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, where no stage is run."""
    for name in os.environ:
        if name.startswith(("PIANOGRADE_", "DAGSTER")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIANOGRADE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))

    def materialise(*_: Any) -> None:
        raise UserError("no stage is run here")

    monkeypatch.setattr(runs, "materialise", materialise)
    return tmp_path / "home"


@pytest.mark.parametrize("command", ["run", "pretrain"])
def test_a_root_becomes_a_corpus_that_later_commands_name(
    home: Path, demo_root: Path, command: str
) -> None:
    arguments = ["--maestro", str(demo_root), "--limit", "5", "--licence", "MIT"]
    answer = CliRunner().invoke(app, [command, *arguments])
    assert "no stage is run here" in answer.stderr
    written = yaml.safe_load((home / "corpora" / "root-5.yaml").read_text())
    assert (written["maestro"], written["limit"], written["licence"]) == (str(demo_root), 5, "MIT")
    small = str(CONFIGS / "experiments" / "small.yaml")
    answer = CliRunner().invoke(app, [command, "--corpus", "root-5", "--experiment", small])
    assert "no stage is run here" in answer.stderr
    again = yaml.safe_load((home / "corpora" / "root-5.yaml").read_text())
    assert again == written | {"experiment": small}


def test_corpora_are_added_listed_and_removed(home: Path, demo_root: Path) -> None:
    def corpus(*arguments: str) -> str:
        answer = CliRunner().invoke(app, ["corpus", *arguments])
        assert answer.exit_code == 0, answer.output
        return answer.stdout

    assert "run --corpus mine" in corpus("add", "mine", "--maestro", str(demo_root))
    corpus("add", "part", "--maestro", str(demo_root), "--limit", "4")
    heads, *rows = [line.split() for line in corpus("list").splitlines()]
    assert heads == ["corpus", "root", "limit", "experiment", "licence"]
    assert [(row[0], row[2]) for row in rows] == [("mine", "all"), ("part", "4")]
    assert "nothing was made of it" in corpus("remove", "part")
    assert [line.split()[0] for line in corpus("list").splitlines()] == ["corpus", "mine"]
    with dg.DagsterInstance.get() as instance:
        assert instance.get_dynamic_partitions("corpora") == ["mine"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["corpus", "add", "A|B", "--maestro", "ROOT"], "name"),
        (["corpus", "add", "mine", "--maestro", "/nowhere"], "no folder"),
        (["corpus", "remove", "none"], "there is no corpus none"),
        (["run", "--corpus", "none"], "there is no corpus none"),
        (["run", "--limit", "3"], "--limit without --maestro"),
    ],
)
def test_what_is_no_corpus_is_refused_in_one_line(
    home: Path, demo_root: Path, arguments: list[str], words: str
) -> None:
    given = [argument.replace("ROOT", str(demo_root)) for argument in arguments]
    answer = CliRunner().invoke(app, given)
    assert answer.exit_code == 2
    assert words in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
    assert not (home / "corpora").exists()
