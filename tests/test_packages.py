"""The five packages have generic names: what is imported must be this repository's."""

import importlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import setuptools

PROJECT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", ["degradation", "labeling", "models", "pipelines", "storage"])
def test_a_top_level_package_is_this_repository_s(name: str) -> None:
    package = importlib.import_module(name)
    assert package.__file__ is not None
    assert Path(package.__file__).parent == PROJECT / name


def test_every_folder_with_code_is_installed() -> None:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    packages = set(
        setuptools.find_packages(
            str(PROJECT), include=settings["tool"]["setuptools"]["packages"]["find"]["include"]
        )
    )
    folders = {
        ".".join(path.parent.relative_to(PROJECT).parts)
        for name in ("benchmarks", "degradation", "labeling", "models", "pipelines", "storage")
        for path in (PROJECT / name).rglob("*.py")
    }
    assert folders == packages


def test_files_beside_the_code_are_installed() -> None:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["setuptools"]
    installed = {
        path
        for package, patterns in settings["package-data"].items()
        for pattern in patterns
        for path in (PROJECT / package).glob(pattern)
    }
    beside = {
        path
        for name in ("configs", "degradation", "labeling", "models", "pipelines", "storage")
        for path in (PROJECT / name).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert beside <= installed


@pytest.mark.slow
def test_a_wheel_grades_without_the_checkout(tmp_path: Path) -> None:
    source, wheel, installed = tmp_path / "source", tmp_path / "wheel", tmp_path / "installed"
    tracked = subprocess.check_output(["git", "ls-files", "-z"], cwd=PROJECT, text=True)
    for name in filter(None, tracked.split("\0")):
        if (PROJECT / name).is_file():  # building leaves files behind: not in the checkout
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, source / name)
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q"]
    subprocess.run([*build, "-w", wheel, source], check=True, capture_output=True)
    (built,) = wheel.glob("*.whl")
    zipfile.ZipFile(built).extractall(installed)
    take = next((PROJECT / "storage/demo_root").rglob("*.mid*"))
    answer = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "score", "--json", take],
        cwd=installed,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(installed)}
        | {"PIANOGRADE_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["model"] == "take_grader"
