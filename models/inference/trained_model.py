"""A trained model in memory."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from degradation.errors import UserError
from models.config.experiment import MODALITIES, Experiment, ExperimentConfig, Modality
from models.device import accelerator
from models.inference.model_choice import BROKEN, WORDS, broken_model
from models.networks.network import GradingNetwork
from models.training.checkpoint import check_versions, load_network


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainedModel:
    """A network in evaluation mode, on the device that it runs on, and its settings."""

    network: GradingNetwork
    experiment: Experiment
    config: ExperimentConfig


def load_model(name: Experiment, folder: Path) -> TrainedModel:
    """Return a trained model on the device there is. Raises UserError when it cannot be loaded."""
    try:
        network, experiment, config = load_network(folder)
    except BROKEN as error:
        raise broken_model(name, folder, error) from error
    return TrainedModel(network=network.to(accelerator()), experiment=experiment, config=config)


def check_input(model: TrainedModel, folder: Path, modalities: Collection[Modality]) -> None:
    """Refuse to give `modalities` alone to a model that needs more, or learnt on others: UserError.

    `folder` is where the model was loaded from.
    """
    check_versions(folder, model.config, modalities)
    if len(modalities) < len(MODALITIES[model.experiment]):
        if not model.config.fusion.modality_dropout:
            (alone,) = modalities
            raise UserError(
                f"{model.experiment} was trained without modality_dropout and needs audio and "
                f"MIDI; got {WORDS[alone]} alone: give both, or train {alone}_only"
            )
