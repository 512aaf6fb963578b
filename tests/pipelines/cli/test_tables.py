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

from degradation.recipe import TIERS

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


@pytest.mark.slow
def test_a_part_of_the_shards_is_exported_by_a_condition(finished: Any, tmp_path: Path) -> None:
    out = tmp_path / "shards"
    condition = "tier = 'poor' and MIDITimingVariance_score < 60"
    answer = finished.pianograde("export", "--out", str(out), "--where", condition)
    assert answer.returncode == 0, answer.stderr
    *written, card, following = answer.stdout.splitlines()
    rows = [name for path in written for name in pq.read_table(path)["sample_id"].to_pylist()]
    expected = finished.query(f"select sample_id from samples where {condition}")
    assert sorted(rows) == sorted(row["sample_id"] for row in expected)
    assert f"| rows | `{condition}` |" in Path(card).read_text(encoding="utf-8")
    assert following.startswith(f"next: datasets.load_dataset({str(out)!r})")
    wrong = finished.pianograde("export", "--out", str(tmp_path / "b"), "--where", "tiers = 'poor'")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert 'Candidate bindings: "tier"' in wrong.stderr


@pytest.mark.slow
def test_a_version_says_which_run_made_it_and_can_be_read(finished: Any) -> None:
    first = finished.pianograde("versions", "--last", "99").stdout.splitlines()[-2].split()
    assert first[0] == "1"
    assert first[4] in TIERS
    assert "phase2/samples, run " in " ".join(first)
    (rows,) = finished.query("select count(*) n from samples")
    at_first = finished.pianograde(
        "query", "--format", "csv", "select count(*) n from samples", "--at", "samples=1"
    )
    assert int(at_first.stdout.split()[-1]) == int(first[3])
    newest = finished.pianograde("versions").stdout.splitlines()[1].split()[0]
    told = finished.pianograde("diff", "samples", "1", newest).stdout
    assert told.startswith(f"added    {int(rows['n']) - int(first[3])} rows: ")
    for arguments in (["--at", "samples"], ["--at", "samples=999"]):
        refused = finished.pianograde("query", "select 1 from samples", *arguments)
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
