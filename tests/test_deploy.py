"""The image and the services of `deploy/`, checked without Docker."""

import importlib.util
import itertools
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.execution.runs import DAGSTER_YAML
from pipelines.settings import Settings

PROJECT = Path(__file__).parent.parent
DEPLOY = PROJECT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())[
    "services"
]
OURS = [name for name, service in SERVICES.items() if service["image"] == "pianograde"]


def test_the_image_copies_what_is_there_and_every_package() -> None:
    copied = [line.split()[1:-1] for line in DOCKERFILE.splitlines() if line.startswith("COPY")]
    sources = {source for line in copied for source in line}
    assert all((PROJECT / source).exists() for source in sources)
    packages = {path.parent.name for path in PROJECT.glob("*/__init__.py")} - {"tests", "tools"}
    assert packages <= sources
    assert "--constraint constraints.txt" in DOCKERFILE
    assert "USER pianograde" in DOCKERFILE


@pytest.mark.slow
@pytest.mark.parametrize("name", OURS)
def test_commands_and_their_options_exist(name: str) -> None:
    program, *arguments = SERVICES[name]["command"]
    for option, value in itertools.pairwise(arguments):
        if option in ("--module-name", "-m"):
            assert importlib.util.find_spec(value)
        if option == "--workspace":
            assert (PROJECT / value).exists()
            assert f"COPY {value} {value}" in DOCKERFILE
    found = shutil.which(program, path=str(Path(sys.executable).parent))
    assert found, f"{program} is no program of this environment"
    asked = [found, *arguments, "--help"]
    told = subprocess.run(asked, capture_output=True, text=True, timeout=120, check=False)
    assert told.returncode == 0, told.stderr


def test_variables_are_settings() -> None:
    fields = {f"PIANOGRADE_{name.upper()}" for name in Settings.model_fields}
    named = {variable for name in OURS for variable in SERVICES[name]["environment"]}
    named |= set(re.findall(r"\bPIANOGRADE_\w+", DOCKERFILE))
    ours = {name for name in named if name.startswith("PIANOGRADE_")}
    assert {"PIANOGRADE_STORE", "PIANOGRADE_HOME"} <= ours <= fields


def test_two_ports_are_open_and_to_this_machine_alone() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {"webserver": ["127.0.0.1:3000:3000"], "pages": ["127.0.0.1:3001:3001"]}
    assert not any("network_mode" in service for service in SERVICES.values())


def test_passwords_come_from_the_environment() -> None:
    for service in SERVICES.values():
        for name, value in service["environment"].items():
            if re.search("PASSWORD|SECRET|MC_HOST", name):
                assert "${" in value


def test_services_that_others_need_are_there() -> None:
    needed = {other for service in SERVICES.values() for other in service.get("depends_on", {})}
    assert needed <= set(SERVICES)
    place = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())["load_from"][0]["grpc_server"]
    command = SERVICES[place["host"]]["command"]
    assert command[command.index("--port") + 1] == str(place["port"])


def test_dagster_is_set_up_as_on_one_machine_but_for_its_history() -> None:
    """That Dagster can use it is held by tests/pipelines/test_services.py."""
    deployed = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
    assert deployed.pop("storage")
    assert deployed == yaml.safe_load(DAGSTER_YAML)


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="hadolint is not installed")
def test_the_dockerfile_has_no_finding() -> None:
    ignored = ["--ignore", "DL3008", "--ignore", "DL3013"]  # versions of Debian's packages
    asked = ["hadolint", *ignored, str(DEPLOY / "Dockerfile")]
    subprocess.run(asked, check=True)
