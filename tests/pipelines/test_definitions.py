"""The code location as Dagster loads it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

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


@pytest.mark.slow
def test_dg_finds_the_project_and_loads_it(tmp_path: Path) -> None:
    dg_command = Path(sys.executable).with_name("dg")
    answer = subprocess.run(
        [dg_command, "check", "defs", "--use-active-venv", "--no-check-yaml"],
        cwd=PROJECT,
        env=os.environ
        | {"DAGSTER_HOME": str(tmp_path), "PIANOGRADE_HOME": str(tmp_path / "home")}
        | {"VIRTUAL_ENV": sys.prefix, "DAGSTER_DISABLE_TELEMETRY": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "All definitions loaded successfully" in answer.stdout + answer.stderr
    assert answer.returncode == 0
