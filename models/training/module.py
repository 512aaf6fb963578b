"""Lightning's view of a training: it wires network, losses, diagnostics and schedule, no more."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import lightning as L
import numpy as np
import torch
import torch.nn.functional as F
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from degradation.errors import UserError
from degradation.seeds import digest_int
from models.config.experiment import MODALITIES, Experiment, ExperimentConfig
from models.diagnostics.fusion_diagnostics import FusionDiagnostics
from models.diagnostics.watch import FusionWatch
from models.distributed import gathered, here
from models.inputs.batch import Batch
from models.inputs.feature_reader import ExampleParts
from models.inputs.stream import Targets, load_batches
from models.losses.terms import LossTerms, Outputs
from models.metrics import Agreement, agreement
from models.networks.network import Grades, GradingNetwork, draw_presence
from models.training.schedule import learning_rate_factor


@dataclass(slots=True, kw_only=True, eq=False)
class Progress:
    """What a process has seen of the training epoch at hand."""

    samples: int = 0
    steps: int = 0
    sums: "Sums" = field(default_factory=dict)
    told_sums: "Sums" = field(default_factory=dict)
    gradient_norm_sums: "Sums" = field(default_factory=dict)

    def on_cpu(self) -> "Progress":
        """Return the same with its sums on the CPU, for other processes."""

        def moved(sums: "Sums") -> "Sums":
            return {name: total.cpu() for name, total in sums.items()}

        return Progress(
            samples=self.samples,
            steps=self.steps,
            sums=moved(self.sums),
            told_sums=moved(self.told_sums),
            gradient_norm_sums=moved(self.gradient_norm_sums),
        )


Sums = dict[str, Tensor]
"""Sums by name, on the device of the training: to read one at each step would halt a GPU."""


def add(sums: Sums, figures: Mapping[str, Tensor], count: int) -> None:
    """Add figures, each the mean of `count`, to sums, in float64."""
    for name, figure in figures.items():
        more = figure.detach().double() * count
        sums[name] = sums[name] + more if name in sums else more


def means(parts: list[Sums], over: int) -> dict[str, float]:
    """Return the sums of several processes together, divided by what they run over."""
    if not over:
        return {}
    return {name: float(sum(float(part[name]) for part in parts)) / over for name in parts[0]}


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochFigures:
    """What training and validation of an epoch showed, over all processes."""

    terms: dict[str, float]
    told: dict[str, float]
    gradient_norms: dict[str, float]
    samples: int
    val_loss: float
    agreement: Agreement
    diagnostics: FusionDiagnostics


@dataclass(slots=True, kw_only=True, eq=False)
class Judged:
    """What a process has seen of the validation pass at hand."""

    true: list[Tensor] = field(default_factory=list)
    standardised: list[Tensor] = field(default_factory=list)
    watch: FusionWatch = field(default_factory=FusionWatch)


class GradingModule(L.LightningModule):
    """One experiment in training; `first_epoch` and the optimiser's state continue a killed one."""

    def __init__(
        self,
        experiment: Experiment,
        config: ExperimentConfig,
        *,
        train_scores: NDArray[np.float32],
        steps_in_all: int,
        first_epoch: int,
        steps_done: int,
        optimizer_state: dict[str, Any] | None,
    ) -> None:
        super().__init__()
        self.network = GradingNetwork(experiment, config)
        self.losses = LossTerms(
            config.loss,
            score_centre=config.head.score_centre,
            score_scale=config.head.score_scale,
            train_scores=train_scores,
        )
        self.config = config
        self.first_epoch = first_epoch
        self.steps_done = steps_done
        self.progress = Progress()
        self.figures: EpochFigures | None = None
        self._steps_in_all = steps_in_all
        self._optimizer_state = optimizer_state
        # Made when an epoch begins: a generator cannot be sent to another process.
        self._presence_rng: torch.Generator | None = None
        self._judged = Judged()

    @property
    def epoch(self) -> int:
        """The epoch of the whole training, counted across interruptions."""
        return self.first_epoch + int(self.current_epoch)

    def on_train_epoch_start(self) -> None:
        """Give the epoch its own randomness, so that a resumed training repeats it exactly."""
        name = (str(self.epoch), str(here().rank))
        # Dropout draws from torch's global generator and takes no other.
        torch.manual_seed(digest_int(str(self.config.seed), "dropout", *name) % 2**63)
        drawn = digest_int(str(self.config.seed), "modality dropout", *name) % 2**63
        self._presence_rng = torch.Generator().manual_seed(drawn)
        self.progress = Progress()

    def _grades(self, batch: Batch) -> Grades:
        if len(self.network.modalities) == 1:
            grades: Grades = self.network(batch)
            return grades
        assert self._presence_rng is not None
        rate = self.config.fusion.modality_dropout
        presence = draw_presence(len(batch.sample_ids), rate, self._presence_rng)
        grades = self.network(batch, presence.to(batch.scores.device))
        return grades

    def training_step(self, batch: Batch) -> Tensor:
        """Return the loss of one batch."""
        grades = self._grades(batch)
        outputs = outputs_of(grades)
        terms = self.losses(outputs, batch.scores, epoch=self.epoch)
        count = len(batch.sample_ids)
        add(self.progress.sums, terms, count)
        told = self.losses.told(outputs, batch.scores, epoch=self.epoch)
        add(self.progress.told_sums, told, count)
        self.progress.samples += count
        self.steps_done += 1
        return torch.stack(list(terms.values())).sum()

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Keep how hard each modality is pulled, before the gradient is clipped."""
        self.progress.steps += 1
        for modality in sorted(self.network.modalities):
            gradients = [
                weight.grad
                for name, weight in self.network.named_parameters()
                if name.startswith(f"{modality}_") and weight.grad is not None
            ]
            norm = torch.nn.utils.get_total_norm(gradients)
            add(self.progress.gradient_norm_sums, {modality: norm}, 1)

    def on_validation_epoch_start(self) -> None:
        """Forget the previous pass."""
        self._judged = Judged()

    def validation_step(self, batch: Batch) -> None:
        """Keep what the epoch's figures are made from."""
        grades: Grades = self.network(batch)
        self._judged.true.append(batch.scores.cpu())
        self._judged.standardised.append(grades.standardised.cpu())
        self._judged.watch.add(
            sample_ids=batch.sample_ids,
            fused=grades.fused,
            pooled=grades.pooled,
            audio_steps=grades.audio_steps,
            midi_steps=grades.midi_steps,
            mask=grades.mask,
        )

    def on_validation_epoch_end(self) -> None:
        """Calibrate the head on the whole split, and take the epoch's figures over it.

        Both over all processes, so that each has the same head. The figures are of the scores
        that the model gives so far; their line has 16 numbers, fitted to the whole split.
        """
        judged, progress = gathered(self._judged), gathered(self.progress.on_cpu())
        true = torch.cat([scores for part in judged for scores in part.true])
        standardised = torch.cat([outputs for part in judged for outputs in part.standardised])
        if not standardised.isfinite().all():
            raise UserError(
                f"{self.network.experiment}: in epoch {self.epoch + 1} its scores ceased to be "
                "numbers; expected finite ones: lower training.learning_rate or "
                "training.gradient_norm_limit, or set training.precision to 32"
            )
        samples = sum(part.samples for part in progress)
        head = self.network.head
        head.calibrate(standardised, true)
        predicted = head.scores(standardised.to(head.slope.device)).cpu()
        self.figures = EpochFigures(
            terms=means([part.sums for part in progress], samples),
            told=means([part.told_sums for part in progress], samples),
            gradient_norms=means(
                [part.gradient_norm_sums for part in progress],
                sum(part.steps for part in progress),
            ),
            samples=samples,
            val_loss=float(
                F.huber_loss(
                    head.standardise(predicted),
                    head.standardise(true),
                    delta=self.config.loss.huber.delta,
                )
            ),
            agreement=agreement(true.double().numpy(), predicted.double().numpy()),
            diagnostics=FusionWatch.merge([part.watch for part in judged]).result(),
        )

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW with a rate that follows from the step alone."""
        training = self.config.training
        groups: list[dict[str, Any]] = [
            {"params": list(self.network.parameters())},
            # Decay would pull learnt weights of the loss terms back to equal ones.
            {"params": list(self.losses.parameters()), "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(
            groups,
            lr=training.learning_rate,
            weight_decay=training.weight_decay,
        )
        if self._optimizer_state is not None:
            # A copy: ranks are sent one state in shared memory, and would all step it in place.
            optimizer.load_state_dict(copy.deepcopy(self._optimizer_state))
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


def mean_over_steps(steps: Tensor, mask: Tensor) -> Tensor:
    """Return the mean (B, width) of steps (B, S, width) where `mask` (B, S) is true."""
    return (steps * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


def outputs_of(grades: Grades) -> Outputs:
    """Return what the losses need of a batch's grades; a clip's vector is the mean of its steps."""
    audio_clips = midi_clips = both = None
    if grades.presence and grades.audio_steps is not None and grades.midi_steps is not None:
        audio_clips = mean_over_steps(grades.audio_steps, grades.mask)
        midi_clips = mean_over_steps(grades.midi_steps, grades.mask)
        both = grades.presence.both
    return Outputs(
        predicted=grades.standardised,
        ordinal_logits=grades.ordinal_logits,
        audio_clips=audio_clips,
        midi_clips=midi_clips,
        both_present=both,
    )


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
