"""Makes the UI show a command's runs on its timeline and able to run them again."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import dagster as dg

CODE_LOCATION = "pipelines.definitions"
"""The name that `workspace.yaml` and `deploy/workspace.yaml` give to the code location."""


@contextmanager
def runs_belong_to_the_ui(instance: dg.DagsterInstance, job: str) -> Iterator[None]:
    """Let the runs of a job that this process creates name the code location.

    Dagster names it for the runs of the UI alone; `execute_in_process` has no argument for it, and
    without it the UI leaves a run out of the timeline and fails to execute it again.
    """
    location = {
        "__class__": "RegisteredRepositoryLocationOrigin",
        "location_name": CODE_LOCATION,
    }
    repository = {
        "__class__": "ExternalRepositoryOrigin",
        "repository_location_origin": location,
        "repository_name": "__repository__",
    }
    origin: Any = dg.deserialize_value(
        json.dumps(
            {
                "__class__": "ExternalPipelineOrigin",
                "external_repository_origin": repository,
                "pipeline_name": job,
            }
        )
    )
    create = partial(instance.create_run_for_job, remote_job_origin=origin)
    instance.create_run_for_job = create  # type: ignore[method-assign]
    try:
        yield
    finally:
        del instance.create_run_for_job
