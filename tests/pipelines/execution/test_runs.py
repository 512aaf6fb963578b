"""Runs of processes that are gone do not look as if they ran; those that run keep their choice."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from degradation.errors import UserError
from pipelines.corpora import Corpus, write_corpus
from pipelines.execution import running_commands
from pipelines.execution.runs import (
    CLI_PROCESS_TAG,
    HOST_TAG,
    close_orphans,
    count_under_way,
    prepare_corpora,
    prepare_ui,
    refuse_switch,
)
from pipelines.sensors import commands_killed
from pipelines.settings import CONFIGS, load_settings


@dg.op
def nothing() -> None:
    pass


CORPUS = "mine"
OF_CORPUS = {"dagster/partition": CORPUS}
HOST = {HOST_TAG: socket.gethostname()}
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
    own = running_commands.register_command(tmp_path / "commands" / CORPUS)
    name, process = other_command(tmp_path / "commands" / "another")
    ours, other, foreign, elsewhere = (
        instance.create_run_for_job(JOB, tags=tags, status=status)
        for tags in (
            {CLI_PROCESS_TAG: own, **HOST},
            {CLI_PROCESS_TAG: name, **HOST},
            {},
            {CLI_PROCESS_TAG: "its lock is there", HOST_TAG: "another machine"},
        )
    )
    again = instance.create_run_for_job(
        JOB, tags=other.tags, status=status, parent_run_id=other.run_id, root_run_id=other.run_id
    )
    close_orphans(instance)
    assert {run.status for run in instance.get_runs()} == {status}
    process.kill()
    process.wait()
    commands_killed(dg.build_sensor_context(instance=instance))
    found = {run.run_id: run.status for run in instance.get_runs()}
    assert found[other.run_id] is dg.DagsterRunStatus.FAILURE
    assert found[ours.run_id] is status
    assert found[foreign.run_id] is status
    assert found[again.run_id] is status  # the UI's: it copies tags
    assert found[elsewhere.run_id] is status


def test_a_process_is_not_taken_for_the_dead_one_whose_id_it_has(
    instance: dg.DagsterInstance,
) -> None:
    """In a container every command is process 1."""
    status = dg.DagsterRunStatus.STARTED
    dead = instance.create_run_for_job(
        JOB, tags={CLI_PROCESS_TAG: str(os.getpid()), **HOST}, status=status
    )
    assert count_under_way(load_settings(), CORPUS) == 0
    run = instance.get_run_by_id(dead.run_id)
    assert run is not None
    assert run.status is dg.DagsterRunStatus.FAILURE


def test_a_command_is_under_way_between_its_runs_too(
    instance: dg.DagsterInstance, tmp_path: Path, other_command: Any
) -> None:
    assert count_under_way(load_settings(), CORPUS) == 0
    other_command(tmp_path / "commands" / "another")
    assert count_under_way(load_settings(), CORPUS) == 0
    name, process = other_command(tmp_path / "commands" / CORPUS)
    assert count_under_way(load_settings(), CORPUS) == 1
    of_another = {"dagster/partition": "another|poor"}
    for tags in ({CLI_PROCESS_TAG: name, **HOST, **OF_CORPUS}, OF_CORPUS, of_another):
        instance.create_run_for_job(JOB, tags=tags, status=dg.DagsterRunStatus.STARTED)
    assert count_under_way(load_settings(), CORPUS) == 2
    process.kill()
    process.wait()
    assert count_under_way(load_settings(), CORPUS) == 1


CHOSEN = Corpus(name=CORPUS, licence="MIT")


@pytest.mark.parametrize(
    ("name", "other", "words"),
    [
        ("licence", None, "licence from MIT to None"),
        ("experiment", CONFIGS / "experiments" / "full.yaml", "experiment from .*demo.* to .*full"),
    ],
)
def test_a_command_does_not_change_the_corpus_of_another_one(
    instance: dg.DagsterInstance,
    tmp_path: Path,
    other_command: Any,
    name: str,
    other: Any,
    words: str,
) -> None:
    changed = CHOSEN.model_copy(update={name: other})
    other_command(tmp_path / "commands" / "another")
    refuse_switch(load_settings(), CHOSEN, changed)
    _, process = other_command(tmp_path / "commands" / CORPUS)
    refuse_switch(load_settings(), CHOSEN, CHOSEN)
    with pytest.raises(UserError, match=words) as raised:
        refuse_switch(load_settings(), CHOSEN, changed)
    assert "\n" not in str(raised.value)
    process.kill()
    process.wait()
    refuse_switch(load_settings(), CHOSEN, changed)


def test_a_command_is_at_work_from_its_choice_on(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    refuse_switch(load_settings(), CHOSEN, CHOSEN)
    assert running_commands.own_command(tmp_path / "commands" / CORPUS)


def test_a_run_of_a_ui_that_is_gone_has_failed_when_the_next_one_starts(
    instance: dg.DagsterInstance, tmp_path: Path, other_command: Any
) -> None:
    run = instance.create_run_for_job(JOB, status=dg.DagsterRunStatus.STARTED)
    _, process = other_command(tmp_path / "ui")
    prepare_ui(load_settings())
    assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.STARTED
    process.kill()
    process.wait()
    prepare_ui(load_settings())
    assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.FAILURE


def test_the_corpora_with_files_are_the_partitions(instance: dg.DagsterInstance) -> None:
    settings = load_settings()
    instance.add_dynamic_partitions("corpora", ["gone"])
    for name in ("first", "second"):
        write_corpus(settings, Corpus(name=name))
    prepare_corpora(settings)
    assert set(instance.get_dynamic_partitions("corpora")) == {"first", "second"}
