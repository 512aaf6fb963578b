"""What each epoch of a training came to, and when that is enough."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord:
    """One epoch, counted from 1.

    Losses are in standardised units, r and MAE means over the dimensions.
    `val_r` is nan where it is undefined (see `models.metrics`). `gate_mean` and
    `gate_spread` (standard deviation) run over the validation split's steps and channels;
    None without a gate. `terms` are the weighted parts of `train_loss`.
    """

    epoch: int
    train_loss: float
    terms: dict[str, float]
    val_loss: float
    val_r: float
    val_mae: float
    gate_mean: float | None
    gate_spread: float | None
    learning_rate: float
    samples_per_s: float
    seconds: float


def best_epoch(history: Sequence[EpochRecord]) -> EpochRecord:
    """Return the epoch of lowest validation loss, the earliest of equals."""
    return min(history, key=lambda record: record.val_loss)


def is_finished(history: Sequence[EpochRecord], epochs: int, patience_epochs: int) -> bool:
    """Whether training is over: `epochs` are done, or the loss fell last `patience_epochs` ago."""
    if not history:
        return False
    waited = history[-1].epoch - best_epoch(history).epoch
    return len(history) >= epochs or waited >= patience_epochs
