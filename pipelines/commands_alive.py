"""Which command-line processes are still there: each holds a lock that ends with it.

The id of a process can't say it. Another process has it after a restart, and in a container every
command is process 1.
"""

import fcntl
import uuid
from pathlib import Path
from typing import IO

_held: dict[Path, IO[bytes]] = {}


def hold(folder: Path) -> str:
    """Return this process's name in a folder; its lock there is held until the process ends."""
    if folder not in _held:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{uuid.uuid4().hex}.lock"
        unlocked = path.with_suffix(".tmp")
        file = unlocked.open("wb")
        fcntl.lockf(file, fcntl.LOCK_EX)  # of this process alone: what it forks does not have it
        unlocked.rename(path)  # no one finds it unlocked while this process is there
        _held[folder] = file
    return held(folder)


def held(folder: Path) -> str:
    """Return this process's name in a folder, the empty one where it holds no lock."""
    return Path(_held[folder].name).stem if folder in _held else ""


def others(folder: Path) -> set[str]:
    """Return the names of the other processes that are there; what dead ones left is removed."""
    return {
        path.stem
        for path in folder.glob("*.lock")
        if path.stem != held(folder) and not _removed(path)
    }


def _removed(path: Path) -> bool:
    """Remove a lock that no process holds; return whether it is gone."""
    try:
        with path.open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    except FileNotFoundError:
        return True
    except (BlockingIOError, PermissionError):
        return False
    return True
