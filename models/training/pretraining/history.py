"""What masked pretraining came to, epoch by epoch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.training.history import best_epoch

NOTHING_TO_GUESS_NATS = 0.05
"""Below this cross-entropy of the unigram baseline a field is all but constant, as `tempo` is:
what is left is the price of counting each class once more than it occurred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainingEpoch:
    """One epoch, counted from 1; losses and cross-entropies in nats.

    `train_loss` and `val_loss` are means over the fields, weighted by vocabulary size.
    `val_cross_entropy` and `unigram_cross_entropy` are those of each field on the same notes of
    the validation split, all of them hidden. `notes_per_s` counts the training windows' notes.
    """

    epoch: int
    train_loss: float
    val_loss: float
    val_cross_entropy: Mapping[str, float]
    unigram_cross_entropy: Mapping[str, float]
    learning_rate: float
    notes_per_s: float
    seconds: float

    def curves(self) -> dict[str, float]:
        """Return every figure of the epoch that is one number, by `kind: name`."""
        return {
            "loss: training": self.train_loss,
            "loss: validation": self.val_loss,
            "learning rate: learning rate": self.learning_rate,
            "speed: notes a second": self.notes_per_s,
            **{f"cross-entropy: {name}": nats for name, nats in self.val_cross_entropy.items()},
            **{f"unigram: {name}": nats for name, nats in self.unigram_cross_entropy.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainingResult:
    """A finished pretraining: what it is, its best weights, its size and every epoch.

    `parameters` are the encoder's and the heads'.
    """

    identity: str
    checkpoint: Path
    parameters: int
    history: tuple[PretrainingEpoch, ...]

    @property
    def best(self) -> PretrainingEpoch:
        """The epoch whose weights were kept."""
        return best_epoch(self.history)

    @property
    def beats_unigram(self) -> dict[str, bool]:
        """Whether the best epoch guesses each field better than the unigram baseline does.

        Fields in which there is nothing to guess are left out.
        """
        return {
            field: self.best.val_cross_entropy[field] < baseline
            for field, baseline in self.best.unigram_cross_entropy.items()
            if baseline >= NOTHING_TO_GUESS_NATS
        }

    @property
    def seconds(self) -> float:
        """Time spent in all epochs, those before an interruption included."""
        return sum(record.seconds for record in self.history)
