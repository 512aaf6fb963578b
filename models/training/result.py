"""The result of a finished training, and how it is read back; light, without torch."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from degradation.errors import UserError
from models.config.experiment import Experiment
from models.document import read_document, write_document
from models.training.history import EpochRecord, Record, best_epoch

HISTORY_FILE = "history.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result(Generic[Record]):
    """A finished training: its identity, best weights, number of parameters and every epoch."""

    identity: str
    checkpoint: Path
    parameters: int
    epochs: tuple[Record, ...]

    @property
    def best(self) -> Record:
        """The epoch whose weights were kept."""
        return best_epoch(self.epochs)

    @property
    def seconds(self) -> float:
        """Time spent in all epochs, those before an interruption included."""
        return sum(record.seconds for record in self.epochs)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult(Result[EpochRecord]):
    """The finished training of an experiment."""

    experiment: Experiment
    epochs: tuple[EpochRecord, ...]


SomeResult = TypeVar("SomeResult", bound=Result[Any])


def is_trained(folder: Path) -> bool:
    """Whether a training finished in a folder: one that was killed leaves weights too."""
    return (folder / HISTORY_FILE).exists()


def write_result(folder: Path, result: Result[Any]) -> None:
    """Write what `read_result` reads."""
    named = replace(result, checkpoint=Path(result.checkpoint.name))
    write_document(folder / HISTORY_FILE, named)


def read_result(folder: Path, kind: type[SomeResult]) -> SomeResult:
    """Return the training that finished in a folder. Raises UserError when none did."""
    if not is_trained(folder):
        raise UserError(
            f"{folder} holds no finished training ({HISTORY_FILE} is missing); expected one: "
            f"materialise {folder.name} first"
        )
    result = read_document(folder / HISTORY_FILE, kind)
    return replace(result, checkpoint=folder / result.checkpoint)


def load_result(folder: Path, identity: str) -> TrainingResult:
    """Return the training of an experiment that finished in a folder.

    Raises UserError when none did, or one of another identity than today's: the model was then
    trained on other data than those it would be judged on, or with other settings.
    """
    result = read_result(folder, TrainingResult)
    if result.identity != identity:
        raise UserError(
            f"{result.experiment} was trained on other data or settings (in {folder}); "
            "expected today's: materialise it again"
        )
    return result


def find_best(folder: Path) -> Path:
    """Return the best weights in a folder; UserError when it holds none."""
    found = list(folder.glob("*-epoch=*-val_loss=*.pt"))
    if not found:
        raise UserError(
            f"{folder} holds no EXPERIMENT-epoch=NN-val_loss=X.XXXX.pt; expected a trained "
            "model: train the experiment first"
        )
    # Two lie here when a training died between writing one and removing the other.
    return min(found, key=lambda path: float(path.stem.rpartition("=")[2]))
