"""Tables in an object store, which fails meanwhile; Dagster's history in Postgres."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pandas as pd
import psycopg2
import pytest

from benchmarks.chaos import digest
from pipelines.corpora import Corpus
from pipelines.execution.runs import (
    CLI_PROCESS_TAG,
    HOST_TAG,
    close_orphans,
    count_under_way,
    prepare_ui,
)
from pipelines.settings import Settings, load_settings
from pipelines.workspace import Workspace
from storage.demo_corpus import CSV_NAME
from tests.pipelines.conftest import UNTIL_SHARDS

REFUSED_S = 10
SILENT_S = 4


USER = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
"""Postgres refuses to run as root."""


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def ask(postgres: dict[str, str], sql: str) -> list[Any]:
    """Return the rows of a statement, as soon as the server listens."""
    for _ in range(100):
        try:
            connection = psycopg2.connect(
                host=postgres["PGHOST"],
                port=postgres["PGPORT"],
                user=postgres["PGUSER"],
                password=postgres["PGPASSWORD"],
                dbname=postgres["PGDATABASE"],
            )
        except psycopg2.OperationalError:
            time.sleep(0.1)
            continue
        with closing(connection), connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())
    raise AssertionError("Postgres did not begin to listen within 10 s")


@pytest.fixture(scope="module")
def postgres() -> Iterator[dict[str, str]]:
    """A Postgres on the loopback; the environment variables that reach it."""
    places = [os.environ["PATH"], *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
    initdb = shutil.which("initdb", path=os.pathsep.join(places))
    if initdb is None:
        pytest.skip("Postgres is not installed: there is no initdb")
    programs = Path(initdb).resolve().parent
    variables = {"PGHOST": "127.0.0.1", "PGPORT": free_port(), "PGDATABASE": "postgres"}
    variables |= {"PGUSER": "pianograde", "PGPASSWORD": "for tests alone"}
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # where another user may go
        data, password = Path(folder) / "data", Path(folder) / "password"
        password.write_text(variables["PGPASSWORD"])
        for path in (folder, password):
            if USER:
                shutil.chown(path, **USER)
        create = [programs / "initdb", "-D", data, "-U", variables["PGUSER"], "-A", "scram-sha-256"]
        create += [f"--pwfile={password}", "--no-sync"]
        subprocess.run(create, check=True, capture_output=True, **USER)
        serve = [programs / "postgres", "-D", data, "-p", variables["PGPORT"]]
        serve += ["-h", "127.0.0.1", "-k", "", "-F"]
        server = subprocess.Popen(serve, stderr=subprocess.DEVNULL, **USER)
        try:
            ask(variables, "select 1")
            yield variables
        finally:
            server.send_signal(signal.SIGINT)  # ends the sessions that are left, too
            server.wait(30)


def dagster_home(folder: Path) -> str:
    """Make a folder with the image's `dagster.yaml`."""
    folder.mkdir()
    shutil.copy(Path(__file__).parents[2] / "deploy" / "dagster.yaml", folder)
    return str(folder)


def start(project: Any, variables: dict[str, str]) -> subprocess.Popen[str]:
    """Begin to make the tables of three performances of one year, in a process of its own."""
    index = project.root / CSV_NAME
    pd.read_csv(index, keep_default_na=False).assign(year=2021).to_csv(index, index=False)
    return subprocess.Popen(
        [*UNTIL_SHARDS, *project.run_arguments, "--limit", "3"],
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
def test_a_run_on_s3_and_postgres_outlives_the_store_and_makes_the_same_rows(
    new_project: Callable[[], Any],
    s3_server: Any,
    postgres: dict[str, str],
    few_rows: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The store's port is closed for a while, and later the store does not answer."""
    here, there = new_project(), new_project()
    of_both = {"PIANOGRADE_RECIPES": few_rows, "PIANOGRADE_WORKERS": "1"}
    on_s3 = of_both | s3_server.environment | {"PIANOGRADE_STORE": "s3://music/run"}
    on_s3 |= postgres | {"DAGSTER_HOME": dagster_home(tmp_path / "dagster")}
    local, remote = start(here, of_both), start(there, on_s3)
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
    assert ask(postgres, "select status from runs") == [("SUCCESS",), ("SUCCESS",)]
    assert not list((tmp_path / "dagster").rglob("*.db"))

    monkeypatch.setenv("PIANOGRADE_HOME", str(here.home))
    corpus = Corpus(name="root-3")
    expected = digest(Workspace(Settings(), corpus))
    for name, value in on_s3.items():
        monkeypatch.setenv(name, value)
    assert digest(Workspace(Settings(), corpus)) == expected
    rows = there.query("select sample_id from samples", **on_s3)
    row, plain = tmp_path / "row", tmp_path / "plain"
    for command in (
        ["replay", rows[0]["sample_id"], "--out", str(row)],
        ["export", "--out", str(plain)],
    ):
        answer = there.pianograde(*command, **on_s3)
        assert answer.returncode == 0, answer.stderr
    assert (row / "degraded.flac").exists()
    assert (plain / "data" / "test-00000-of-00001.parquet").exists()


@dg.op
def nothing() -> None:
    pass


@pytest.mark.slow
def test_machines_with_one_history_leave_each_others_runs_alone(
    postgres: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = dg.GraphDefinition(name="job", node_defs=[nothing]).to_job()
    for name, value in postgres.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PIANOGRADE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", dagster_home(tmp_path / "one"))
    of_command = {CLI_PROCESS_TAG: "a command", HOST_TAG: "one"}
    with dg.DagsterInstance.get() as one:
        started = [
            one.create_run_for_job(
                job,
                tags={"dagster/partition": "mine", **tags},
                status=dg.DagsterRunStatus.STARTED,
            ).run_id
            for tags in (of_command, {})
        ]
    monkeypatch.setenv("DAGSTER_HOME", dagster_home(tmp_path / "other"))
    settings = load_settings()
    prepare_ui(settings)
    with dg.DagsterInstance.get() as other:
        close_orphans(other)
        found = [other.get_run_by_id(run_id) for run_id in started]
        assert [run and run.status for run in found] == [dg.DagsterRunStatus.STARTED] * 2
    assert count_under_way(settings, "mine") == 2
