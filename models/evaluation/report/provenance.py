"""Where and when a report was made, for citing it."""

import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version

from models.evaluation.report.document import Provenance

PACKAGES = ("pianograde", "torch", "numpy")


def provenance() -> Provenance:
    """Return the present time, this code's commit and the versions that figures depend on."""
    return Provenance(
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=_commit(),
        versions={"python": python_version(), **{name: version(name) for name in PACKAGES}},
    )


def _commit() -> str | None:
    """Return the commit of the checkout that holds this file, `-dirty` where it was changed."""
    here = Path(__file__)
    tracked = _git(here.parent, "ls-files", "--error-unmatch", here.name)
    return tracked and _git(
        here.parent, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"
    )


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        found = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True)
    except OSError:
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None
