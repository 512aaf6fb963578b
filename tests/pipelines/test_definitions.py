"""The code location as Dagster loads it."""

import re
from pathlib import Path

import dagster as dg

from pipelines.definitions import defs
from pipelines.execution.stages import stages

PROJECT = Path(__file__).parent.parent.parent


def test_the_code_location_loads_whole() -> None:
    dg.Definitions.validate_loadable(defs)


def test_every_stage_is_a_job_that_has_its_assets() -> None:
    for stage in stages("phase2", ["gated"]):
        job = defs.resolve_job_def(stage.job)
        assert {dg.AssetKey(list(path)) for path in stage.assets} <= set(
            job.asset_layer.executable_asset_keys
        )


def test_only_public_names_of_dagster_are_used() -> None:
    private = re.compile(r"(from|import) dagster[a-z_]*\._|from dagster_shared")
    for path in (PROJECT / "pipelines").rglob("*.py"):
        assert not private.search(path.read_text(encoding="utf-8")), path
