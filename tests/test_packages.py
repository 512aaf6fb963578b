"""The five packages have generic names: what is imported must be this repository's."""

import importlib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", ["degradation", "labeling", "models", "pipelines", "storage"])
def test_a_top_level_package_is_this_repository_s(name: str) -> None:
    package = importlib.import_module(name)
    assert package.__file__ is not None
    assert Path(package.__file__).parent == PROJECT / name


def test_every_folder_with_code_is_installed() -> None:
    import tomllib

    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    packages = set(settings["tool"]["setuptools"]["packages"])
    folders = {
        ".".join(path.parent.relative_to(PROJECT).parts)
        for name in ("degradation", "labeling", "models", "pipelines", "storage")
        for path in (PROJECT / name).rglob("*.py")
    }
    assert folders == packages
