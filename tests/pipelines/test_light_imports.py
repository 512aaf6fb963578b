"""What needs no torch does not import it: Dagster's code location, the command line, workers."""

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires

import pytest
from packaging.requirements import Requirement

HEAVY = {"torch", "lightning", "torchaudio", "transformers", "matplotlib", "sklearn", "numba"}
EXTRA = {"transkun", "mir_eval"}

REPORT = """
import importlib, json, re, sys
importlib.import_module(sys.argv[1])
peak_mib = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
print(json.dumps({"modules": sorted(sys.modules), "peak_mib": peak_mib}))
"""


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("pipelines.definitions", HEAVY),
        ("pipelines.cli", HEAVY | {"dagster", "pandas", "pyarrow", "pydantic"}),
        ("storage.query", HEAVY | {"dagster", "scipy.signal", "pyroomacoustics"}),
        ("storage.derived", HEAVY | {"dagster"}),
        ("storage.pairs", HEAVY | {"dagster"}),
        ("models.training.result", HEAVY | {"dagster"}),
        ("models.inference.model_choice", HEAVY | {"dagster", "pandas"}),
        ("models.inference.scorer", HEAVY - {"torch"} | {"dagster", *EXTRA}),
        ("models.inputs.feature_writer", HEAVY | {"dagster"}),
    ],
)
def test_a_module_does_not_import_what_it_does_not_use(module: str, forbidden: set[str]) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", REPORT, module], capture_output=True, text=True, check=True
    )
    found = json.loads(answer.stdout)
    print(f"{module}: {found['peak_mib']:.0f} MiB")
    assert forbidden & set(found["modules"]) == set()


def test_nothing_that_is_installed_with_the_product_needs_numba() -> None:
    """Processes that import numba's cached functions side by side may crash: its issue 10128."""
    needed, waiting = set[str](), ["pianograde"]
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        needed.add(name)
        try:
            requirements = [Requirement(line) for line in requires(name) or []]
        except PackageNotFoundError:
            continue
        waiting += [
            requirement.name
            for requirement in requirements
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        ]
    assert len(needed) > 50
    assert "numba" not in needed
