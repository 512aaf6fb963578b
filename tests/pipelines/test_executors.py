"""The executors that docs/operations.md names load, and take the configuration that it shows."""

import importlib
import re
from pathlib import Path

import dagster as dg
import pytest
import yaml

from pipelines.definitions import build_definitions

DOCUMENT = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
DOCUMENTED = re.findall(r"^\| `(\w+)` \| `(\w+)` \| `(.*)` \|$", DOCUMENT, re.MULTILINE)


def test_four_are_documented() -> None:
    packages = {package for _, package, _ in DOCUMENTED}
    assert packages == {"dagster", "dagster_dask", "dagster_k8s", "dagster_celery"}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "package", "config"), DOCUMENTED)
def test_the_graph_loads_with_it(name: str, package: str, config: str) -> None:
    executor = getattr(importlib.import_module(package), name)
    job = build_definitions(executor).resolve_job_def("corpus_tables")
    assert job.executor_def is executor
    assert dg.validate_run_config(job, {"execution": {"config": yaml.safe_load(config)}})
