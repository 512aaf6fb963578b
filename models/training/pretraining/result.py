"""A finished pretraining: its identity, and how it is read back; light, without torch."""

import hashlib
import json
from pathlib import Path

from degradation.errors import UserError
from models.config.experiment import ExperimentConfig
from models.config.midi import MidiEncoderConfig
from models.tokens.tokenisers import TOKENISERS
from models.training.files import HISTORY_FILE, is_trained
from models.training.pretraining.history import PretrainingEpoch, PretrainingResult

NAME = "midi_pretrain"
PRETRAINING_VERSION = "3"
"""Raise it when the same settings and data give another encoder."""

BEST_FILES = f"{NAME}-epoch=*-val_loss=*"


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


def find_best_encoder(folder: Path) -> Path:
    """Return the best weights in a folder; UserError when it holds none."""
    found = list(folder.glob(f"{BEST_FILES}.pt"))
    if not found:
        raise UserError(
            f"{folder} holds no {NAME}-epoch=NN-val_loss=X.XXXX.pt; expected a pretrained MIDI "
            f"encoder: materialise {NAME} first, or set pretraining to null"
        )
    # Two lie here when a training died between writing one and removing the other.
    return min(found, key=lambda path: float(path.stem.rpartition("=")[2]))


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
        history=tuple(PretrainingEpoch(**record) for record in stored["epochs"]),
    )


def token_version(encoder: MidiEncoderConfig) -> str:
    """Return the name and version of the encoder's tokeniser."""
    tokeniser = TOKENISERS[encoder.tokens]
    return f"{tokeniser.name} {tokeniser.version}"
