"""Runs of processes that are gone do not look as if they ran; those that run keep their choice."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from degradation.errors import UserError
from pipelines.execution import running_commands
from pipelines.execution.runs import CLI_PROCESS_TAG, close_orphans, count_under_way, refuse_switch
from pipelines.settings import CONFIGS, load_settings, remember


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
    own = running_commands.register_command(tmp_path / "commands")
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


CHOICE = {
    "maestro": Path("/root"),
    "limit": 5,
    "licence": "MIT",
    "experiment": CONFIGS / "experiments" / "demo.yaml",
}


@pytest.mark.parametrize(
    ("name", "other", "words"),
    [
        ("maestro", None, "maestro from /root to None"),
        ("limit", 6, "limit from 5 to 6"),
        ("licence", None, "licence from MIT to None"),
        ("experiment", CONFIGS / "experiments" / "full.yaml", "experiment from .*demo.* to .*full"),
    ],
)
def test_a_command_does_not_change_what_another_one_chose(
    instance: dg.DagsterInstance,
    tmp_path: Path,
    other_command: Any,
    name: str,
    other: Any,
    words: str,
) -> None:
    remember(load_settings(**CHOICE), CHOICE)
    _, process = other_command(tmp_path / "commands")
    refuse_switch(load_settings(**CHOICE), CHOICE)
    with pytest.raises(UserError, match=words) as raised:
        refuse_switch(load_settings(**CHOICE | {name: other}), CHOICE)
    assert "\n" not in str(raised.value)
    process.kill()
    process.wait()
    refuse_switch(load_settings(**CHOICE | {name: other}), CHOICE)


def test_a_command_is_at_work_from_its_choice_on(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    refuse_switch(load_settings(**CHOICE), CHOICE)
    assert running_commands.own_command(tmp_path / "commands")
