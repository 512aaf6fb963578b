"""Which command-line processes are running: each holds a file lock until it ends.

A process id cannot tell: after a restart another process has it, and in a container every command
is process 1. The locks are `fcntl.lockf` and not `filelock`'s `flock`, which forked children
(a data loader's workers, say) would go on holding after their command was killed.
"""

import fcntl
import uuid
from pathlib import Path
from typing import IO

_locks: dict[Path, IO[bytes]] = {}


def commands_folder(dagster_home: str, corpus: str) -> Path:
    """Return the folder of the locks of a corpus's commands, beside the runs that name them."""
    return Path(dagster_home) / "commands" / corpus


def register_command(folder: Path) -> str:
    """Lock a file in `folder` until this process ends; return the process's name there."""
    if folder not in _locks:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{uuid.uuid4().hex}.lock"
        unlocked = path.with_suffix(".tmp")
        file = unlocked.open("wb")
        fcntl.lockf(file, fcntl.LOCK_EX)
        unlocked.rename(path)  # only now do others see it
        _locks[folder] = file
    return own_command(folder)


def own_command(folder: Path) -> str:
    """Return this process's name in `folder`; an empty string where it is not registered."""
    return Path(_locks[folder].name).stem if folder in _locks else ""


def other_commands(folder: Path) -> set[str]:
    """Return the names of the other processes running; remove the files of dead ones."""
    return {
        path.stem
        for path in folder.glob("*.lock")
        if path.stem != own_command(folder) and not _remove_unlocked(path)
    }


def _remove_unlocked(path: Path) -> bool:
    """Remove a file that no process has locked; return whether it is gone."""
    try:
        with path.open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    except FileNotFoundError:
        return True
    except (BlockingIOError, PermissionError):
        return False
    return True
