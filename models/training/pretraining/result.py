"""A finished pretraining: its figures, its identity, and how it is read back; without torch."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.config.experiment import ExperimentConfig
from models.config.midi import MidiEncoderConfig
from models.tokens.tokenisers import TOKENISERS
from models.training.history import Epoch
from models.training.result import Result, read_result

NAME = "midi_pretrain"
PRETRAINING_VERSION = "3"
"""Raise it when the same settings and data give another encoder."""

NOTHING_TO_GUESS_NATS = 0.05
"""A field whose unigram baseline lies below this cross-entropy is all but constant, as `tempo` is:
what is left comes from counting each class once more than it occurred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainingEpoch(Epoch):
    """An epoch of pretraining; losses and cross-entropies in nats.

    `train_loss` and `val_loss` are means over the fields, weighted by vocabulary size.
    `val_cross_entropy` and `unigram_cross_entropy` are those of each field on the same notes of
    the validation split, all of them hidden. `notes_per_s` counts the training windows' notes.
    """

    val_cross_entropy: Mapping[str, float]
    unigram_cross_entropy: Mapping[str, float]
    notes_per_s: float

    @property
    def beats_unigram(self) -> dict[str, bool]:
        """Whether each field is guessed better than by the unigram baseline.

        Fields in which there is nothing to guess are left out.
        """
        return {
            field: self.val_cross_entropy[field] < baseline
            for field, baseline in self.unigram_cross_entropy.items()
            if baseline >= NOTHING_TO_GUESS_NATS
        }

    def curves(self) -> dict[str, float]:
        """Return every figure of the epoch that is one number, by `kind: name`."""
        return {
            **Epoch.curves(self),
            "speed: notes a second": self.notes_per_s,
            **{f"cross-entropy: {name}": nats for name, nats in self.val_cross_entropy.items()},
            **{f"unigram: {name}": nats for name, nats in self.unigram_cross_entropy.items()},
        }

    def summary(self) -> str:
        """Return the loss, and in how many fields the baseline is beaten."""
        beaten = self.beats_unigram
        return (
            f"{Epoch.summary(self)}, better than the unigram baseline in {sum(beaten.values())} "
            f"of {len(beaten)} fields"
        )

    def speed(self) -> str:
        """Return notes a second."""
        return f"{self.notes_per_s:,.0f} notes/s"


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainingResult(Result[PretrainingEpoch]):
    """A finished pretraining; `parameters` are the encoder's and the heads'."""

    epochs: tuple[PretrainingEpoch, ...]


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
    """Return the pretraining that finished in a folder; UserError without one."""
    return read_result(folder, PretrainingResult)


def token_version(encoder: MidiEncoderConfig) -> str:
    """Return the name and version of the encoder's tokeniser."""
    tokeniser = TOKENISERS[encoder.tokens]
    return f"{tokeniser.name} {tokeniser.version}"
