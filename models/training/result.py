"""A finished training read back from its folder, by whoever evaluates it."""

import json
from pathlib import Path

from degradation.errors import UserError
from models.training.checkpoint import HISTORY_FILE
from models.training.history import from_plain
from models.training.identity import Origin
from models.training.train import TrainingResult


def load_result(out_dir: Path, identity: str) -> TrainingResult:
    """Return what `train` returned when it finished in `out_dir`.

    Raises UserError when no training finished there, or one of another identity than today's:
    then the model was made from other data than those it would be judged on, or otherwise.
    """
    path = out_dir / HISTORY_FILE
    if not path.exists():
        raise UserError(
            f"{out_dir} holds no finished training ({HISTORY_FILE} is missing): materialise the "
            f"experiment {out_dir.name} first"
        )
    stored = json.loads(path.read_text(encoding="utf-8"))
    if stored["identity"] != identity:
        raise UserError(
            f"{stored['experiment']} was trained on other data or settings (in {out_dir}); "
            "expected today's: materialise it again"
        )
    return TrainingResult(
        experiment=stored["experiment"],
        origin=Origin(identity=stored["identity"], table_versions=stored["table_versions"]),
        checkpoint=out_dir / stored["checkpoint"],
        parameters=stored["parameters"],
        history=tuple(from_plain(epoch) for epoch in stored["epochs"]),
    )
