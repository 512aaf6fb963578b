"""Runs of command-line processes that are gone do not look as if they still ran."""

import os

import dagster as dg
import pytest

from pipelines.runs import CLI_PROCESS_TAG, close_orphans

NO_PROCESS = 2**22 + 1
"""Above Linux's largest process id."""


@dg.op
def nothing() -> None:
    pass


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
) -> None:
    job = dg.GraphDefinition(name="job", node_defs=[nothing]).to_job()
    with dg.instance_for_test() as instance:
        gone, living, foreign = (
            instance.create_run_for_job(job, tags=tags, status=status)
            for tags in (
                {CLI_PROCESS_TAG: str(NO_PROCESS)},
                {CLI_PROCESS_TAG: str(os.getpid())},
                {},
            )
        )
        again = instance.create_run_for_job(
            job, tags=gone.tags, status=status, parent_run_id=gone.run_id, root_run_id=gone.run_id
        )
        close_orphans(instance)
        found = {run.run_id: run.status for run in instance.get_runs()}
    assert found[gone.run_id] is dg.DagsterRunStatus.FAILURE
    assert found[living.run_id] is status
    assert found[foreign.run_id] is status
    assert found[again.run_id] is status  # the UI's: it copies tags
