"""A trained model in memory."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from degradation.errors import UserError
from models.config.experiment import (
    MODALITIES,
    MODALITY_WORDS,
    Experiment,
    ExperimentConfig,
    Modality,
)
from models.device import accelerator
from models.inference.model_choice import loading
from models.networks.network import GradingNetwork
from models.training.checkpoint import check_versions, load_network


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainedModel:
    """A network in evaluation mode on its device, its settings, and where it was loaded from."""

    network: GradingNetwork
    experiment: Experiment
    config: ExperimentConfig
    folder: Path


def load_model(folder: Path) -> TrainedModel:
    """Return a trained model on the device there is. Raises UserError when it cannot be loaded."""
    with loading(folder):
        network, experiment, config = load_network(folder)
    return TrainedModel(
        network=network.to(accelerator()), experiment=experiment, config=config, folder=folder
    )


def check_input(model: TrainedModel, modalities: Collection[Modality]) -> None:
    """Refuse a model that learnt on other features, or cannot do with `modalities`: UserError."""
    check_versions(model.folder, model.config, modalities)
    missing = MODALITIES[model.experiment] - set(modalities)
    if missing and not model.config.fusion.modality_dropout:
        (alone,) = modalities
        raise UserError(
            f"{model.experiment} was trained without modality_dropout and needs audio and MIDI; "
            f"got {MODALITY_WORDS[alone]} alone: give both, or train {alone}_only"
        )
