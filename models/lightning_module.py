"""Lightning's view of a training: it wires network, losses, metrics and schedule, no more."""

import math
from dataclasses import dataclass
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.utils.data import DataLoader

from degradation.seeds import digest_int
from models.batch import Batch, length_mask
from models.config import MODALITIES, Experiment, ExperimentConfig, TrainingConfig
from models.dataset import Targets, load_batches
from models.losses import loss_terms
from models.metrics import Agreement, agreement
from models.network import GradingNetwork
from models.parts import ExampleParts


def learning_rate_factor(step: int, total_steps: int, warmup_share: float) -> float:
    """Return the share of the peak rate at a step: linear warm-up, then half a cosine to 0."""
    warmup = warmup_share * total_steps
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / (total_steps - warmup))))


def total_steps(samples: int, training: TrainingConfig) -> int:
    """Return the optimiser steps of a training that uses all its epochs."""
    return training.epochs * math.ceil(samples / training.batch_size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What a pass over the validation split showed."""

    loss: float
    agreement: Agreement
    gate_mean: float | None
    gate_spread: float | None


class GradingModule(L.LightningModule):
    """One experiment in training; `first_epoch` and the optimiser's state continue a killed one."""

    def __init__(
        self,
        experiment: Experiment,
        config: ExperimentConfig,
        *,
        steps_in_all: int,
        first_epoch: int,
        steps_done: int,
        optimizer_state: dict[str, Any] | None,
    ) -> None:
        super().__init__()
        self.network = GradingNetwork(experiment, config)
        self.config = config
        self.first_epoch = first_epoch
        self.steps_done = steps_done
        self.validation: Validation | None = None
        self.term_sums: dict[str, float] = {}
        self.samples_seen = 0
        self._steps_in_all = steps_in_all
        self._optimizer_state = optimizer_state
        self._true: list[Tensor] = []
        self._predicted: list[Tensor] = []
        self._gates: list[Tensor] = []

    @property
    def epoch(self) -> int:
        """The epoch of the whole training, counted across interruptions."""
        return self.first_epoch + int(self.current_epoch)

    def _terms(self, predicted: Tensor, true: Tensor) -> dict[str, Tensor]:
        standardise = self.network.head.standardise
        return loss_terms(standardise(predicted), standardise(true), self.config.loss)

    def on_train_epoch_start(self) -> None:
        """Give the epoch its own randomness, so that a resumed training repeats it exactly."""
        # Dropout draws from torch's global generator and takes no other.
        torch.manual_seed(digest_int(str(self.config.seed), "dropout", str(self.epoch)) % 2**63)
        self.term_sums, self.samples_seen = {}, 0

    def training_step(self, batch: Batch) -> Tensor:
        """Return the loss of one batch."""
        terms = self._terms(self.network(batch).scores, batch.scores)
        for name, term in terms.items():
            weighted = float(term.detach()) * len(batch.sample_ids)
            self.term_sums[name] = self.term_sums.get(name, 0.0) + weighted
        self.samples_seen += len(batch.sample_ids)
        self.steps_done += 1
        return torch.stack(list(terms.values())).sum()

    def on_validation_epoch_start(self) -> None:
        """Forget the previous pass."""
        self._true, self._predicted, self._gates = [], [], []

    def validation_step(self, batch: Batch) -> None:
        """Keep what the epoch's figures are made from."""
        grades = self.network(batch)
        self._true.append(batch.scores.cpu())
        self._predicted.append(grades.scores.cpu())
        if grades.gate is not None:
            gate = grades.gate[length_mask(batch.steps, grades.gate.shape[1])].double()
            self._gates.append(torch.stack([gate.sum(), gate.square().sum()]).cpu())
            self._gates[-1] = torch.cat([self._gates[-1], torch.tensor([gate.numel()])])

    def on_validation_epoch_end(self) -> None:
        """Take loss, agreement and gate over the whole split."""
        true, predicted = torch.cat(self._true), torch.cat(self._predicted)
        gate_mean = gate_spread = None
        if self._gates:
            total, squares, count = torch.stack(self._gates).sum(0).tolist()
            gate_mean = total / count
            gate_spread = math.sqrt(max(0.0, squares / count - gate_mean**2))
        self.validation = Validation(
            loss=float(sum(self._terms(predicted, true).values())),
            agreement=agreement(true.double().numpy(), predicted.double().numpy()),
            gate_mean=gate_mean,
            gate_spread=gate_spread,
        )

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW with a rate that follows from the step alone."""
        training = self.config.training
        optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
        )
        if self._optimizer_state is not None:
            optimizer.load_state_dict(self._optimizer_state)
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] = training.learning_rate
        before = self.steps_done
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer,
            lambda step: learning_rate_factor(
                before + step, self._steps_in_all, training.warmup_share
            ),
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }


class ExampleLoaders(L.LightningDataModule):
    """The loaders of one training; a new one each epoch, whose order follows from its number."""

    def __init__(
        self,
        experiment: Experiment,
        config: ExperimentConfig,
        parts: ExampleParts,
        train: Targets,
        validation: Targets,
        first_epoch: int,
    ) -> None:
        super().__init__()
        self._modalities = MODALITIES[experiment]
        self._config, self._parts = config, parts
        self._train, self._validation = train, validation
        self._first_epoch = first_epoch

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return the training split, shuffled for the epoch at hand."""
        assert self.trainer is not None
        epoch = self._first_epoch + int(self.trainer.current_epoch)
        return load_batches(self._parts, self._train, self._config, self._modalities, epoch)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Return the validation split, in stored order."""
        return load_batches(self._parts, self._validation, self._config, self._modalities, None)
