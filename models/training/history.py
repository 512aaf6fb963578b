"""The figures of each epoch of a training, and when to stop."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from labeling.scores import DIMENSIONS
from models.diagnostics.fusion_diagnostics import FusionDiagnostics
from models.document import Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """An epoch of any training, counted from 1; the weights of lowest `val_loss` are kept."""

    epoch: int
    train_loss: float
    val_loss: float
    learning_rate: float
    seconds: float

    def curves(self) -> dict[str, float]:
        """Return every figure of the epoch that is one number, by `kind: name`."""
        return {
            "loss: training": self.train_loss,
            "loss: validation": self.val_loss,
            "learning rate: learning rate": self.learning_rate,
        }

    def summary(self) -> str:
        """Return the figures that a training is judged by, for a log."""
        return f"val loss {self.val_loss:.4f}"

    def speed(self) -> str:
        """Return how fast the training was, for a log."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord(Epoch):
    """An epoch of an experiment.

    `terms` are the weighted parts of `train_loss`, `logged` figures of the losses that are not
    summed. `val_loss` is Huber's on the validation split, in standardised units, without any
    weighting and of calibrated scores: it compares experiments whatever terms they train with.
    `val_r` and `val_mae` hold a figure for each dimension (r is nan where it is undefined, see
    `models.metrics`). `gradient_norms` are means over the steps, by modality, before clipping;
    `wait_share` is the share of the training's time that was spent waiting for data.
    """

    terms: Mapping[str, float]
    logged: Mapping[str, float]
    val_r: tuple[Number, ...]
    val_mae: tuple[float, ...]
    gradient_norms: Mapping[str, float]
    diagnostics: FusionDiagnostics
    samples_per_s: float
    wait_share: float

    @property
    def mean_r(self) -> float:
        """Mean over the dimensions in which r is defined; nan without any."""
        defined = [r for r in self.val_r if not math.isnan(r)]
        return sum(defined) / len(defined) if defined else math.nan

    @property
    def mean_mae(self) -> float:
        """Mean over the dimensions, in score points."""
        return sum(self.val_mae) / len(self.val_mae)

    def curves(self) -> dict[str, float]:
        """Return every figure of the epoch that is one number; nan is left out."""
        figures = {
            **Epoch.curves(self),
            "data: share of time waiting": self.wait_share,
            "speed: samples a second": self.samples_per_s,
            **{f"loss term: {name}": value for name, value in self.terms.items()},
            **{_curve_name(name): value for name, value in self.logged.items()},
            **{f"gradient norm: {name}": value for name, value in self.gradient_norms.items()},
            **self.diagnostics.curves(),
            "r: mean": self.mean_r,
            "MAE: mean": self.mean_mae,
            **{f"r: {name}": r for name, r in zip(DIMENSIONS, self.val_r, strict=True)},
            **{f"MAE: {name}": mae for name, mae in zip(DIMENSIONS, self.val_mae, strict=True)},
        }
        return {name: value for name, value in figures.items() if not math.isnan(value)}

    def summary(self) -> str:
        """Return loss and agreement on the validation split."""
        return f"{Epoch.summary(self)}, r {self.mean_r:.3f}, MAE {self.mean_mae:.2f}"

    def speed(self) -> str:
        """Return samples a second, and the share of time spent waiting for data."""
        return f"{self.samples_per_s:,.0f} samples/s ({self.wait_share:.0%} waiting for data)"


def _curve_name(name: str) -> str:
    kind, _, of = name.partition("/")
    return f"{kind.replace('_', ' ')}: {of}" if of else f"logged by the losses: {name}"


Record = TypeVar("Record", bound=Epoch)


def best_epoch(history: Sequence[Record]) -> Record:
    """Return the epoch of lowest validation loss, the earliest of equals."""
    return min(history, key=lambda record: record.val_loss)


def is_finished(history: Sequence[Epoch], epochs: int, patience_epochs: int) -> bool:
    """Whether training is over: `epochs` are done, or the loss fell last `patience_epochs` ago."""
    if not history:
        return False
    waited = history[-1].epoch - best_epoch(history).epoch
    return len(history) >= epochs or waited >= patience_epochs
