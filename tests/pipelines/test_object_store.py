"""A run whose tables lie in an object store, which fails meanwhile."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pytest

from storage.demo_corpus import CSV_NAME

UNTIL_TABLES = """
from pipelines.cli import app
from pipelines.execution import stages as graph
graph.TABLES = {tables}
whole = graph.stages
graph.stages = lambda *chosen: whole(*chosen)[:2]
app()
"""
ROWS = "select sample_id, md5(audio.bytes) as sound, md5(midi.bytes) as notes from pairs order by 1"
REFUSED_S = 10
SILENT_S = 4


def start(project: Any, variables: dict[str, str], *tables: str) -> subprocess.Popen[str]:
    """Begin to make tables of three performances of one year, in a process of its own."""
    index = project.root / CSV_NAME
    pd.read_csv(index, keep_default_na=False).assign(year=2021).to_csv(index, index=False)
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            UNTIL_TABLES.format(tables=tables),
            *project.run_arguments,
            "--limit",
            "3",
        ],
        env=project.environment | variables,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_file(server: Any, prefix: str, run: subprocess.Popen[str]) -> None:
    """Wait until there is a file whose name begins so; the run must still be at work."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in server.environment.items():
            patched.setenv(name, value)
        client = boto3.client("s3")
        while not client.list_objects_v2(Bucket="music", Prefix=prefix)["KeyCount"]:
            assert run.poll() is None, run.communicate()[1]
            time.sleep(0.1)


@pytest.mark.slow
def test_a_run_on_s3_outlives_the_store_and_makes_the_same_rows(
    new_project: Callable[[], Any], s3_server: Any, few_rows: str, tmp_path: Path
) -> None:
    """The store's port is closed for a while, and later the store does not answer."""
    here, there = new_project(), new_project()
    of_both = {"PIANOGRADE_RECIPES": few_rows, "PIANOGRADE_WORKERS": "1"}
    on_s3 = of_both | s3_server.environment | {"PIANOGRADE_STORE": "s3://music/run"}
    local = start(here, of_both, "pairs")
    remote = start(there, on_s3, "pairs", "heuristics", "samples")
    wait_for_file(s3_server, "run/root-3/phase2/pairs/tier=", remote)
    s3_server.open_or_close()
    time.sleep(REFUSED_S)
    s3_server.open_or_close()
    wait_for_file(s3_server, "run/root-3/phase2/heuristics/tier=", remote)
    s3_server.process.send_signal(signal.SIGSTOP)
    time.sleep(SILENT_S)
    s3_server.process.send_signal(signal.SIGCONT)
    for run in (remote, local):
        _, told = run.communicate(timeout=300)
        assert run.returncode == 0, told
    assert not (there.home / "data").exists()

    expected = here.query(ROWS, **of_both)
    assert there.query(ROWS, **on_s3) == expected
    count = there.query("select count(*) as rows from samples", **on_s3)
    assert count == [{"rows": str(len(expected))}]
    row, plain = tmp_path / "row", tmp_path / "plain"
    for command in (
        ["replay", expected[0]["sample_id"], "--out", str(row)],
        ["export", "--out", str(plain)],
    ):
        answer = there.pianograde(*command, **on_s3)
        assert answer.returncode == 0, answer.stderr
    assert (row / "degraded.flac").exists()
    assert (plain / "data" / "test-00000-of-00001.parquet").exists()
