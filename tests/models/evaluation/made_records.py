"""The record of a model that nobody trained."""

from pathlib import Path

from models.config.experiment import Experiment, load_experiment
from models.provenance import Provenance
from models.training.record import ModelRecord, TrainingData
from storage.versions import TableVersion

DEMO = Path(__file__).parents[3] / "configs" / "experiments" / "demo.yaml"


def model_record(name: Experiment) -> ModelRecord:
    return ModelRecord(
        experiment=name,
        identity="0",
        config=load_experiment(DEMO),
        data=TrainingData(
            corpus="demo",
            recipe="phase2",
            tables={"samples": TableVersion(version=12, files=3, digest="beef")},
        ),
        made=Provenance(
            created_at="2026-01-02T03:04:05+00:00",
            commit="c0ffee0123456-dirty",
            source="0",
            versions={},
        ),
        machine={},
        pretraining=None,
        epoch=5,
        val_loss=0.1175,
        weights=f"digest of {name}",
    )
