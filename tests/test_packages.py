"""The five packages have generic names: what is imported must be this repository's."""

import importlib
import tomllib
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
        for name in ("degradation", "labeling", "models", "pipelines", "storage")
        for path in (PROJECT / name).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert beside <= installed
