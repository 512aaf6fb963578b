"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of public data sets; tests that need it are marked `real_data`."""
    folder = Path(os.environ.get("PIANOGRADE_REAL_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the public data sets are not at {folder} (set PIANOGRADE_REAL_DATA)")
    return folder
