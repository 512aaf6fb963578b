"""A finished training read back from its folder, by whoever evaluates it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from degradation.errors import UserError
from models.config.experiment import Experiment
from models.document import write_document
from models.training.files import HISTORY_FILE
from models.training.history import EpochRecord, best_epoch, read_history
from models.training.identity import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """A finished training: what it came from, its best checkpoint, its size and every epoch."""

    experiment: Experiment
    origin: Origin
    checkpoint: Path
    parameters: int
    history: tuple[EpochRecord, ...]

    @property
    def best(self) -> EpochRecord:
        """The epoch whose weights were kept."""
        return best_epoch(self.history)

    @property
    def seconds(self) -> float:
        """Time spent in all epochs, those before an interruption included."""
        return sum(record.seconds for record in self.history)


def load_result(out_dir: Path, identity: str) -> TrainingResult:
    """Return what `train` returned when it finished in `out_dir`.

    Raises UserError when no training finished there, or one of another identity than today's:
    then the model was made from other data than those it would be judged on, or otherwise.
    """
    result = read_result(out_dir)
    if result.origin.identity != identity:
        raise UserError(
            f"{result.experiment} was trained on other data or settings (in {out_dir}); "
            "expected today's: materialise it again"
        )
    return result


def read_result(out_dir: Path) -> TrainingResult:
    """Return the training that finished in `out_dir`, of whatever identity.

    Raises UserError when none did.
    """
    path = out_dir / HISTORY_FILE
    if not path.exists():
        raise UserError(
            f"{out_dir} holds no finished training ({HISTORY_FILE} is missing): materialise the "
            f"experiment {out_dir.name} first"
        )
    stored = json.loads(path.read_text(encoding="utf-8"))
    return TrainingResult(
        experiment=stored["experiment"],
        origin=Origin(identity=stored["identity"], table_versions=stored["table_versions"]),
        checkpoint=out_dir / stored["checkpoint"],
        parameters=stored["parameters"],
        history=read_history(stored["epochs"], EpochRecord),
    )


def write_result(out_dir: Path, result: TrainingResult) -> None:
    """Write what `load_result` reads."""
    write_document(
        out_dir / HISTORY_FILE,
        {
            "experiment": result.experiment,
            **asdict(result.origin),
            "checkpoint": result.checkpoint.name,
            "parameters": result.parameters,
            "epochs": result.history,
        },
    )
