"""The files of a training: best weights beside their JSON, and the state to go on from.

Everything is a `state_dict` or plain data, and is read with `weights_only=True`: loading
a file runs none of its code. Writes are atomic, so that a kill leaves the old file or the new.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Generic

import torch
from pydantic import TypeAdapter
from torch import Tensor

from degradation.errors import UserError
from labeling.scores import DIMENSIONS
from models.config.experiment import (
    EXPERIMENTS,
    MODALITIES,
    Experiment,
    ExperimentConfig,
    Modality,
)
from models.device import describe_machine
from models.document import write_document
from models.hearing.trained import HEARING_VERSION
from models.inputs.feature_writer import audio_features_version, midi_tokens_version
from models.networks.midi_encoder import NoteEncoder
from models.networks.network import GradingNetwork
from models.provenance import provenance
from models.training.history import Record
from models.training.identity import MODEL_VERSION
from models.training.pretraining.result import NAME, load_pretraining, token_version
from models.training.record import ModelRecord, TrainingData
from models.training.result import HISTORY_FILE, find_best
from models.training.weights import read_weights, weights_digest
from storage.files import whole_file

RESUME_FILE = "resume.pt"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeState(Generic[Record]):
    """Everything that the next epoch follows from; `identity` says of which training."""

    identity: str
    weights: dict[str, Tensor]
    loss_weights: dict[str, Tensor]
    optimizer: dict[str, Any]
    steps_done: int
    history: tuple[Record, ...]


def save_resume(out_dir: Path, state: ResumeState[Record]) -> None:
    """Write the state after an epoch, in place of the one before."""
    content = {field.name: getattr(state, field.name) for field in fields(state)}
    _save(out_dir / RESUME_FILE, {**content, "history": [asdict(one) for one in state.history]})


def load_resume(out_dir: Path, identity: str, kind: type[Record]) -> ResumeState[Record] | None:
    """Return the state to resume from, None when there is none or it is another training's.

    `kind` is the type of its history's records.
    """
    path = out_dir / RESUME_FILE
    if not path.exists():
        return None
    content = torch.load(path, map_location="cpu", weights_only=True)
    if content["identity"] != identity:
        return None
    records = TypeAdapter(tuple[kind, ...])  # type: ignore[valid-type]
    return ResumeState(**{**content, "history": records.validate_python(content["history"])})


def clear(out_dir: Path) -> None:
    """Remove the files of an earlier training."""
    for name in (RESUME_FILE, HISTORY_FILE, "*-epoch=*-val_loss=*"):
        for path in out_dir.glob(name):
            path.unlink()


def remove_unfinished(out_dir: Path) -> None:
    """Remove the files that a killed process was writing."""
    for path in out_dir.glob(".*.tmp"):
        path.unlink()


def save_best(
    out_dir: Path, name: str, about: Mapping[str, Any], weights: Mapping[str, Tensor]
) -> Path:
    """Write `NAME-epoch=NN-val_loss=X.XXXX.pt` and, with `about` and their digest, its `.json`.

    `about` has at least `epoch` and `val_loss`. The best weights so far are removed afterwards.
    """
    stem = f"{name}-epoch={about['epoch']:02d}-val_loss={about['val_loss']:.4f}"
    write_document(out_dir / f"{stem}.json", {**about, "weights": weights_digest(weights)})
    _save(out_dir / f"{stem}.pt", dict(weights))
    for other in out_dir.glob("*-epoch=*-val_loss=*"):
        if other.stem != stem:
            other.unlink()
    return out_dir / f"{stem}.pt"


def _save(path: Path, content: object) -> None:
    with whole_file(str(path.parent), path.name) as file:
        torch.save(content, file)


def describe_model(
    experiment: Experiment,
    config: ExperimentConfig,
    *,
    identity: str,
    data: TrainingData,
    pretraining: ModelRecord | None,
    detector: ModelRecord | None,
) -> dict[str, Any]:
    """Return what a model's JSON says of it: what it grades, from what, and how it was made."""
    return {
        **describe_training(experiment, config, identity, data),
        "pretraining": pretraining,
        "detector": detector,
        "dimensions": DIMENSIONS,
        "versions": _versions(config, MODALITIES[experiment]),
    }


def describe_training(
    name: str, config: ExperimentConfig, identity: str, data: TrainingData
) -> dict[str, Any]:
    """Return what the record of any training begins with (see `ModelRecord`)."""
    return {
        "experiment": name,
        "identity": identity,
        "config": config.model_dump(mode="json"),
        "data": data,
        "made": provenance(),
        "machine": describe_machine(config.torch_threads),
        "pretraining": None,
    }


def _versions(config: ExperimentConfig, modalities: Collection[Modality]) -> dict[str, str]:
    """Return what the network and what it reads are called by in this release."""
    versions = {"model": MODEL_VERSION}
    if "audio" in modalities:
        tokens = config.midi_encoder.tokens
        versions["audio"] = audio_features_version(config.audio_features, tokens, None)
        if config.hearing:
            versions["hearing"] = HEARING_VERSION + midi_tokens_version(tokens)
    if "midi" in modalities:
        versions["midi"] = midi_tokens_version(config.midi_encoder.tokens)
    return versions


def check_versions(
    checkpoint_dir: Path, config: ExperimentConfig, modalities: Collection[Modality]
) -> None:
    """Refuse a model of another release, or one that learnt on other features: UserError.

    Features of another version may have the same shape and would load without an error. Only
    `modalities` are checked, so that a MIDI-only model does not need MERT.
    """
    path = find_best(checkpoint_dir).with_suffix(".json")
    stored = json.loads(path.read_text(encoding="utf-8")).get("versions", {})
    for name, version in _versions(config, modalities).items():
        if stored.get(name) != version:
            raise UserError(
                f"{path.name} is of version {stored.get(name)} in {name}; expected {version}, "
                "what this release makes of the same settings: train it again"
            )


def load_network(checkpoint_dir: Path) -> tuple[GradingNetwork, Experiment, ExperimentConfig]:
    """Return the best network of a training, in evaluation mode on the CPU, and how it was made.

    Raises UserError when the folder holds no such model, or it grades other dimensions.
    """
    path = find_best(checkpoint_dir)
    described = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    if described["dimensions"] != list(DIMENSIONS) or described["experiment"] not in EXPERIMENTS:
        raise UserError(
            f"{path.with_suffix('.json')} describes {described['experiment']} with dimensions "
            f"{described['dimensions']}; expected one of {', '.join(EXPERIMENTS)} with "
            f"{list(DIMENSIONS)}: train it again with this release"
        )
    config = ExperimentConfig.model_validate_json(json.dumps(described["config"]))
    network = GradingNetwork(described["experiment"], config)
    network.load_state_dict(read_weights(path))
    return network.eval(), described["experiment"], config


def load_pretrained(encoder: NoteEncoder, folder: Path) -> None:
    """Give `encoder` the best weights of a pretraining, every one.

    Raises UserError when the folder holds none that finished, or those of an encoder of other
    tokens or sizes. Dropout may differ.
    """
    path = load_pretraining(folder).checkpoint
    described = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    theirs = {**described["midi_encoder"], "tokens_version": described["tokens_version"]}
    ours = {
        **encoder.config.model_dump(mode="json"),
        "tokens_version": token_version(encoder.config),
    }
    differing = [
        f"{key} {theirs.get(key)} instead of {value}"
        for key, value in ours.items()
        if theirs.get(key) != value and key != "dropout"
    ]
    if differing:
        raise UserError(
            f"{path.name} holds another MIDI encoder than the experiment's: "
            f"{', '.join(differing)}; expected the same: materialise "
            f"{NAME} again with this configuration"
        )
    encoder.load_state_dict(read_weights(path))
