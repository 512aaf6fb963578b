"""When, by which code and with which packages something was made, for citing and repeating it."""

import functools
import hashlib
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version

PACKAGES = ("pianograde", "torch", "lightning", "numpy", "scipy", "pandas", "pyarrow")
"""Those that figures and weights depend on."""

SOURCE = ("degradation", "labeling", "storage", "models", "pipelines")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What a citation needs: UTC time, git commit (None outside a checkout), package versions.

    `source` is a digest of the product's own Python files: it tells an edit that was not committed.
    """

    created_at: str
    commit: str | None
    source: str
    versions: Mapping[str, str]


def provenance() -> Provenance:
    """Return the present time, this code and the versions that figures depend on."""
    return Provenance(
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=_commit(),
        source=_source_digest(),
        versions={"python": python_version(), **{name: version(name) for name in PACKAGES}},
    )


@functools.cache
def _source_digest() -> str:
    root = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for path in sorted(file for name in SOURCE for file in (root / name).rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\0{path.read_text('utf-8')}\0".encode())
    return digest.hexdigest()[:16]


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
