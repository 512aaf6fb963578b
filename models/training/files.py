"""The names of a training's files; light, for those who only read results."""

from pathlib import Path

from degradation.errors import UserError

RESUME_FILE = "resume.pt"
HISTORY_FILE = "history.json"


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


def remove_unfinished(out_dir: Path) -> None:
    """Remove the files that a killed process was writing."""
    for path in out_dir.glob(".*.tmp"):
        path.unlink()
