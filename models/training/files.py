"""The names and the writing of a training's files; light, for those who only read results."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from degradation.errors import UserError

RESUME_FILE = "resume.pt"
HISTORY_FILE = "history.json"


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Have `write` make a file under another name, then put it in the place of `path`."""
    partial = path.with_name(f".{path.name}.partial")
    write(partial)
    os.replace(partial, path)


def write_json(path: Path, content: object) -> None:
    """Write strict JSON atomically; ValueError when a number is not finite."""
    text = json.dumps(content, indent=2, allow_nan=False)
    replace_file(path, lambda partial: partial.write_text(text + "\n", encoding="utf-8"))


def clear(out_dir: Path) -> None:
    """Remove the files of an earlier training."""
    stale = [
        out_dir / RESUME_FILE,
        out_dir / HISTORY_FILE,
        *out_dir.glob("*-epoch=*-val_loss=*"),
    ]
    for path in stale:
        path.unlink(missing_ok=True)


def find_best(checkpoint_dir: Path) -> Path:
    """Return the best weights in a folder; UserError when it holds none."""
    found = list(checkpoint_dir.glob("*-epoch=*-val_loss=*.pt"))
    if not found:
        raise UserError(
            f"{checkpoint_dir} holds no EXPERIMENT-epoch=NN-val_loss=X.XXXX.pt; expected a trained "
            "model: train the experiment first"
        )
    # Two lie here when a training died between writing one and removing the other.
    return min(found, key=lambda path: float(path.stem.rpartition("=")[2]))


def is_trained(checkpoint_dir: Path) -> bool:
    """Whether a training finished in a folder: one that was killed leaves weights too."""
    return (checkpoint_dir / HISTORY_FILE).exists()
