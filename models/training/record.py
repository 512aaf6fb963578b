"""The record of a model: all that its weights follow from. Imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from degradation.errors import UserError
from models.config.experiment import ExperimentConfig
from models.document import read_document
from models.provenance import Provenance
from storage.versions import TableVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """What a training reads: versions of tables by name, and the digest of the recipe by tier.

    A pretraining reads a corpus and no recipe.
    """

    corpus: str
    tables: Mapping[str, TableVersion]
    recipe: str | None = None
    recipe_digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """What the JSON beside a model's weights says of how they came about.

    `weights` is their digest, `machine` what changes their last bits, `pretraining` the record of
    the encoder that the model starts from, None for random weights, and `detector` that of the
    note detector that it hears with.
    """

    experiment: str
    identity: str
    config: ExperimentConfig
    data: TrainingData
    made: Provenance
    machine: Mapping[str, str]
    pretraining: "ModelRecord | None"
    epoch: int
    val_loss: float
    weights: str
    detector: "ModelRecord | None" = None


def read_record(checkpoint: Path) -> ModelRecord | None:
    """Return the record of a model's weights; None where this release cannot read one."""
    try:
        return read_document(checkpoint.with_suffix(".json"), ModelRecord)
    except (UserError, FileNotFoundError):
        return None
