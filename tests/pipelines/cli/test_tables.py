import csv
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from pipelines.cli import app

ENDLESS = "select a.range from range(100000000) a, range(100000000) b"
NOTHING_FOR_LONG = f"{ENDLESS} where a.range + b.range = -1"


@pytest.fixture(scope="module")
def project(new_project: Callable[[], Any]) -> Any:
    """A project in which nothing was made yet."""
    return new_project()


def start(project: Any, *arguments: str, out: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "query", *arguments],
        env=project.environment,
        stdout=out,
        stderr=subprocess.PIPE,
    )


def test_rows_go_to_standard_output_or_a_file(project: Any, tmp_path: Path) -> None:
    sql = "select 1 as one, [1, 2] as two"
    answer = project.pianograde("query", sql, "--format", "csv")
    assert list(csv.DictReader(io.StringIO(answer.stdout))) == [{"one": "1", "two": "[1,2]"}]
    assert project.pianograde("query", sql, "--format", "json").stdout == '{"one":1,"two":[1,2]}\n'
    path = tmp_path / "folder" / "rows.parquet"
    answer = project.pianograde("query", sql, "--format", "parquet", "--out", str(path))
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")
    assert pq.read_table(path).to_pylist() == [{"one": 1, "two": [1, 2]}]


def test_what_is_refused_is_told_in_a_line_and_leaves_no_file(project: Any, tmp_path: Path) -> None:
    for sql in ("from read_text('/etc/passwd')", "pragma version", "selec"):
        answer = project.pianograde("query", sql, "--out", str(tmp_path / "rows"))
        assert (answer.returncode, answer.stdout, answer.stderr.count("\n")) == (2, "", 1)
    assert list(tmp_path.iterdir()) == []


def test_parquet_to_a_terminal_is_refused(project: Any) -> None:
    ours, terminal = os.openpty()
    refused = start(project, "select 1", "--format", "parquet", out=terminal)
    _, told = refused.communicate(timeout=60)
    os.close(ours)
    os.close(terminal)
    assert refused.returncode == 2
    assert told.decode().startswith("pianograde: Parquet is binary; expected a file")
    assert told.count(b"\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("form", ["table", "json"])
def test_ctrl_c_ends_a_query_at_once(project: Any, form: str) -> None:
    querying = start(project, NOTHING_FOR_LONG, "--format", form)
    time.sleep(4)  # it has begun by then
    assert querying.poll() is None
    querying.send_signal(signal.SIGINT)
    assert querying.communicate(timeout=5) == (b"", b"pianograde: ended by SIGINT\n")
    assert querying.returncode == 130


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_a_closed_pipe_ends_a_query_quietly(project: Any, form: str) -> None:
    querying = start(project, ENDLESS, "--format", form)
    assert querying.stdout is not None
    assert querying.stderr is not None
    assert len(querying.stdout.read(100)) == 100
    querying.stdout.close()
    assert querying.wait(timeout=30) is not None
    assert querying.stderr.read() == b""


def test_an_export_says_how_it_is_read(
    project: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIANOGRADE_HOME", str(project.home))
    monkeypatch.setattr("storage.export.export_shards", lambda *_: [tmp_path / "a.parquet"])
    told = CliRunner().invoke(app, ["export", "--out", "shards"]).stdout.splitlines()
    assert told[0] == str(tmp_path / "a.parquet")
    assert told[1].startswith("next: datasets.load_dataset('shards')")
