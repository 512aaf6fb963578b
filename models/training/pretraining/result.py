"""A finished pretraining: its identity, and how it is read back; light, without torch."""

import hashlib
import json
from pathlib import Path

from degradation.errors import UserError
from models.config.experiment import ExperimentConfig
from models.config.midi import MidiEncoderConfig
from models.document import write_document
from models.tokens.tokenisers import TOKENISERS
from models.training.files import HISTORY_FILE, is_trained
from models.training.history import read_history
from models.training.pretraining.history import PretrainingEpoch, PretrainingResult

NAME = "midi_pretrain"
PRETRAINING_VERSION = "3"
"""Raise it when the same settings and data give another encoder."""


def pretraining_identity(config: ExperimentConfig, data_version: str) -> str:
    """Return a digest of what a pretraining follows from: its settings, tokens and data."""
    settings = config.model_dump_json(
        include={
            "seed": True,
            "midi_encoder": True,
            "pretraining": True,
            "training": {"precision", "shuffle_buffer_examples"},
        }
    )
    about = [NAME, PRETRAINING_VERSION, settings, token_version(config.midi_encoder), data_version]
    return hashlib.blake2b("\n".join(about).encode(), digest_size=16).hexdigest()


def load_pretraining(folder: Path) -> PretrainingResult:
    """Return what `pretrain` returned when it finished in a folder; UserError without one."""
    path = folder / HISTORY_FILE
    if not is_trained(folder):
        raise UserError(
            f"{folder} holds no finished pretraining ({HISTORY_FILE} is missing): materialise "
            f"{NAME} first, or set pretraining to null"
        )
    stored = json.loads(path.read_text(encoding="utf-8"))
    return PretrainingResult(
        identity=stored["identity"],
        checkpoint=folder / stored["checkpoint"],
        parameters=stored["parameters"],
        history=read_history(stored["epochs"], PretrainingEpoch),
    )


def write_pretraining(folder: Path, result: PretrainingResult, data_version: str) -> None:
    """Write what `load_pretraining` reads."""
    write_document(
        folder / HISTORY_FILE,
        {
            "identity": result.identity,
            "data_version": data_version,
            "checkpoint": result.checkpoint.name,
            "parameters": result.parameters,
            "beats_unigram": result.beats_unigram,
            "epochs": result.history,
        },
    )


def token_version(encoder: MidiEncoderConfig) -> str:
    """Return the name and version of the encoder's tokeniser."""
    tokeniser = TOKENISERS[encoder.tokens]
    return f"{tokeniser.name} {tokeniser.version}"
