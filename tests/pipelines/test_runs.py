"""Runs of command-line processes that are gone do not look as if they still ran."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pipelines import commands_alive
from pipelines.runs import CLI_PROCESS_TAG, close_orphans, count_under_way
from pipelines.settings import load_settings


@dg.op
def nothing() -> None:
    pass


JOB = dg.GraphDefinition(name="job", node_defs=[nothing]).to_job()


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    for name in os.environ:
        if name.startswith(("PIANOGRADE_", "DAGSTER")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIANOGRADE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        yield instance


@pytest.mark.parametrize(
    "status",
    [
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
    ],
)
def test_a_run_whose_process_is_gone_has_failed_and_a_living_one_goes_on(
    status: dg.DagsterRunStatus,
    instance: dg.DagsterInstance,
    tmp_path: Path,
    other_command: Any,
) -> None:
    own = commands_alive.hold(tmp_path / "commands")
    name, process = other_command(tmp_path / "commands")
    ours, other, foreign = (
        instance.create_run_for_job(JOB, tags=tags, status=status)
        for tags in ({CLI_PROCESS_TAG: own}, {CLI_PROCESS_TAG: name}, {})
    )
    again = instance.create_run_for_job(
        JOB, tags=other.tags, status=status, parent_run_id=other.run_id, root_run_id=other.run_id
    )
    close_orphans(instance)
    assert {run.status for run in instance.get_runs()} == {status}
    process.kill()
    process.wait()
    close_orphans(instance)
    found = {run.run_id: run.status for run in instance.get_runs()}
    assert found[other.run_id] is dg.DagsterRunStatus.FAILURE
    assert found[ours.run_id] is status
    assert found[foreign.run_id] is status
    assert found[again.run_id] is status  # the UI's: it copies tags


def test_a_process_is_not_taken_for_the_dead_one_whose_id_it_has(
    instance: dg.DagsterInstance,
) -> None:
    """In a container every command is process 1."""
    status = dg.DagsterRunStatus.STARTED
    dead = instance.create_run_for_job(JOB, tags={CLI_PROCESS_TAG: str(os.getpid())}, status=status)
    assert count_under_way(load_settings()) == 0
    run = instance.get_run_by_id(dead.run_id)
    assert run is not None
    assert run.status is dg.DagsterRunStatus.FAILURE


def test_a_command_is_under_way_between_its_runs_too(
    instance: dg.DagsterInstance, tmp_path: Path, other_command: Any
) -> None:
    assert count_under_way(load_settings()) == 0
    name, process = other_command(tmp_path / "commands")
    assert count_under_way(load_settings()) == 1
    for tags in ({CLI_PROCESS_TAG: name}, {}):
        instance.create_run_for_job(JOB, tags=tags, status=dg.DagsterRunStatus.STARTED)
    assert count_under_way(load_settings()) == 2
    process.kill()
    process.wait()
    assert count_under_way(load_settings()) == 1
