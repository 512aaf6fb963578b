"""The Lightning module of every training: optimiser, schedule, epochs and randomness."""

import copy
import math
import time
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, Generic

import lightning as L
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import nn
from torch.utils.data import DataLoader

from degradation.seeds import digest_int
from models.config.experiment import TrainingConfig
from models.config.hearing import HearingConfig
from models.config.midi import PretrainingConfig
from models.training.checkpoint import ResumeState
from models.training.history import Record


@dataclass(slots=True, kw_only=True)
class EpochClock:
    """Seconds of an epoch: so far, until the last training batch ended, and waiting for data."""

    started_s: float = field(default_factory=time.monotonic)
    trained_s: float = 0.0
    waited_s: float = 0.0

    @property
    def seconds(self) -> float:
        """Seconds since the epoch began."""
        return time.monotonic() - self.started_s


class TrainingModule(L.LightningModule, Generic[Record]):
    """A network in training; a subclass says what a step and an epoch are.

    `losses` holds the learnt weights of loss terms, `described` the data, for a log.
    """

    def __init__(
        self,
        network: nn.Module,
        losses: nn.Module,
        optimisation: TrainingConfig | PretrainingConfig | HearingConfig,
        *,
        steps_an_epoch: int,
        described: str,
    ) -> None:
        super().__init__()
        self.network = network
        self.losses = losses
        self.optimisation = optimisation
        self.described = described
        self.first_epoch = self.steps_done = 0
        self._steps_in_all = optimisation.epochs * steps_an_epoch
        self._optimizer_state: dict[str, Any] | None = None

    def resume(self, state: ResumeState[Record]) -> None:
        """Continue a training that was killed from the state after its last whole epoch."""
        self.first_epoch, self.steps_done = len(state.history), state.steps_done
        self._optimizer_state = state.optimizer
        self.network.load_state_dict(state.weights)
        self.losses.load_state_dict(state.loss_weights)

    @property
    def epoch(self) -> int:
        """The epoch of the whole training, counted from 0 across interruptions."""
        return self.first_epoch + int(self.current_epoch)

    @abstractmethod
    def train_dataloader(self) -> DataLoader[Any]:
        """Return the training split, in an order that follows from `epoch`."""

    @abstractmethod
    def val_dataloader(self) -> DataLoader[Any]:
        """Return the validation split, always in one order."""

    @abstractmethod
    def best_weights(self) -> dict[str, torch.Tensor]:
        """Return the weights that are kept of the best epoch."""

    @abstractmethod
    def record(self, clock: EpochClock, learning_rate: float) -> Record:
        """Return the figures of the epoch, after its validation; every process calls it."""

    @abstractmethod
    def describe_progress(self, trained_s: float) -> str:
        """Return how far the epoch at hand is after `trained_s`, for a log."""

    def seed_dropout(self, *names: str) -> None:
        """Give the epoch its own randomness, so that a resumed training repeats it exactly."""
        # Dropout draws from torch's global generator and takes no other.
        torch.manual_seed(digest_int(*names) % 2**63)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Return AdamW with a learning rate that follows from the step alone."""
        settings = self.optimisation
        groups: list[dict[str, Any]] = [
            {"params": list(self.network.parameters())},
            # Decay would pull learnt weights of the loss terms back to equal ones.
            {"params": list(self.losses.parameters()), "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(
            groups, lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        if self._optimizer_state is not None:
            # A copy: ranks are sent one state in shared memory, and would all step it in place.
            optimizer.load_state_dict(copy.deepcopy(self._optimizer_state))
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] = settings.learning_rate
        before = self.steps_done
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer,
            lambda step: learning_rate_factor(
                before + step, self._steps_in_all, settings.warmup_share
            ),
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }


def learning_rate_factor(step: int, total_steps: int, warmup_share: float) -> float:
    """Return the share of the peak rate at a step: linear warm-up, then half a cosine to 0."""
    warmup = warmup_share * total_steps
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / (total_steps - warmup))))
