"""The pages on architecture and models name files and functions: they must exist."""

import pydoc
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
NAMES = set(re.findall(r"`([\w./]+)`", (PROJECT / "docs" / "architecture.md").read_text()))
NAMED_FILES = {name for name in NAMES if "/" in name or name.endswith((".py", ".j2"))}
NAMED_FILES |= set(re.findall(r"`(models/[\w./]+)", (PROJECT / "docs" / "models.md").read_text()))
NAMED_CODE = {name for name in NAMES - NAMED_FILES if re.fullmatch(r"[a-z_]+(\.\w+)+", name)}


@pytest.mark.parametrize("name", sorted(NAMED_FILES))
def test_a_named_file_exists(name: str) -> None:
    files = [f"/{path.relative_to(PROJECT).as_posix()}" for path in PROJECT.glob("[a-z]*/**/*")]
    assert any(path.endswith(f"/{name.rstrip('/')}") for path in files)


@pytest.mark.parametrize("name", sorted(NAMED_CODE))
def test_named_code_exists(name: str) -> None:
    found = [pydoc.locate(f"{prefix}{name}") for prefix in ("", "models.", "pipelines.")]
    assert any(one is not None for one in found)
