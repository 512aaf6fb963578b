"""Training an experiment: its steps, its validation and its data, as Lightning calls them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from lightning.pytorch.utilities import move_data_to_device
from torch import Tensor
from torch.utils.data import DataLoader

from degradation.errors import UserError
from degradation.seeds import digest_int
from models.config.experiment import ExperimentConfig, Modality, TrainingConfig
from models.diagnostics.watch import FusionWatch
from models.distributed import gathered, rank_info
from models.duration import describe_duration
from models.inputs.batch import Batch
from models.inputs.feature_reader import ExampleParts
from models.inputs.stream import Targets, examples_a_reader, load_batches
from models.losses.terms import LossTerms, Outputs
from models.metrics import agreement
from models.networks.network import GradingNetwork, NetworkOutput, draw_presence
from models.training.history import EpochRecord
from models.training.module import EpochClock, TrainingModule

PARTS_OF: Mapping[Modality, tuple[str, ...]] = {"audio": ("audio_", "heard_"), "midi": ("midi_",)}
"""How the names of the weights begin that only one modality passes through."""

Sums = dict[str, Tensor]
"""Sums by name, on the device of the training: to read one at each step would halt a GPU."""


def add(sums: Sums, figures: Mapping[str, Tensor], count: int) -> None:
    """Add figures, each the mean of `count`, to sums, in float64."""
    for name, figure in figures.items():
        more = figure.detach().double() * count
        sums[name] = sums[name] + more if name in sums else more


def means(parts: list[Sums], count: int) -> dict[str, float]:
    """Return the sums of several processes together, divided by `count`."""
    return {name: float(sum(float(part[name]) for part in parts)) / count for name in parts[0]}


@dataclass(slots=True, kw_only=True, eq=False)
class Progress:
    """What a process has seen of the training epoch at hand."""

    samples: int = 0
    steps: int = 0
    terms: Sums = field(default_factory=dict)
    logged: Sums = field(default_factory=dict)
    gradient_norms: Sums = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False)
class ValidationPass:
    """What a process has seen of the validation pass at hand."""

    true: list[Tensor] = field(default_factory=list)
    standardised: list[Tensor] = field(default_factory=list)
    watch: FusionWatch = field(default_factory=FusionWatch)


def steps_an_epoch(samples: int, training: TrainingConfig) -> int:
    """Return the optimiser steps of an epoch, which every device takes."""
    workers = max(1, training.loader_workers)
    if training.devices == 1:
        # Workers' last batches may be short: a step or two more, which the schedule can bear.
        return math.ceil(samples / training.batch_size)
    a_reader = examples_a_reader(samples, training.devices * workers)
    return workers * math.ceil(a_reader / training.batch_size)


class GradingModule(TrainingModule[EpochRecord]):
    """An experiment in training: it grades examples in eight dimensions."""

    network: GradingNetwork
    losses: LossTerms

    def __init__(
        self,
        network: GradingNetwork,
        config: ExperimentConfig,
        parts: ExampleParts,
        train: Targets,
        validation: Targets,
    ) -> None:
        losses = LossTerms(
            config.loss,
            score_centre=config.head.score_centre,
            score_scale=config.head.score_scale,
            train_scores=train.scores,
        )
        super().__init__(
            network,
            losses,
            config.training,
            steps_an_epoch=steps_an_epoch(len(train), config.training),
            described=f"{len(train):,} training and {len(validation):,} validation samples",
        )
        self.config, self._parts = config, parts
        self._train_targets, self._validation_targets = train, validation
        self._progress, self._validation = Progress(), ValidationPass()
        self._window_steps = window_steps(config)
        # Made when an epoch begins: a generator cannot be sent to another process.
        self._presence_rng: torch.Generator | None = None

    def _batches(self, targets: Targets, epoch: int | None) -> DataLoader[Batch]:
        return load_batches(self._parts, targets, self.config, self.network.modalities, epoch)

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return the training split, shuffled for the epoch at hand."""
        return self._batches(self._train_targets, self.epoch)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Return the validation split, in stored order."""
        return self._batches(self._validation_targets, None)

    def best_weights(self) -> dict[str, Tensor]:
        """Return all weights of the network."""
        return self.network.state_dict()

    def on_train_epoch_start(self) -> None:
        """Give the epoch its own randomness, so that a resumed training repeats it exactly."""
        name = (str(self.epoch), str(rank_info().rank))
        self.seed_dropout(str(self.config.seed), "dropout", *name)
        drawn = digest_int(str(self.config.seed), "modality dropout", *name) % 2**63
        self._presence_rng = torch.Generator().manual_seed(drawn)
        self._progress = Progress()

    def _grades(self, batch: Batch) -> NetworkOutput:
        if len(self.network.modalities) == 1:
            grades: NetworkOutput = self.network(batch)
            return grades
        assert self._presence_rng is not None
        rate, device = self.config.fusion.modality_dropout, batch.scores.device
        presence = draw_presence(len(batch.sample_ids), rate, self._presence_rng, device)
        grades = self.network(batch, presence)
        return grades

    def training_step(self, batch: Batch) -> Tensor:
        """Return the loss of one batch."""
        grades = self._grades(batch)
        outputs = outputs_of(grades, self._window_steps)
        terms = self.losses(outputs, batch.scores, epoch=self.epoch)
        logged = self.losses.logged(outputs, batch.scores, epoch=self.epoch)
        count = len(batch.sample_ids)
        add(self._progress.terms, terms, count)
        add(self._progress.logged, logged, count)
        self._progress.samples += count
        self.steps_done += 1
        return torch.stack(list(terms.values())).sum()

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Keep how hard each modality is pulled, before the gradient is clipped."""
        self._progress.steps += 1
        for modality in sorted(self.network.modalities):
            gradients = [
                weight.grad
                for name, weight in self.network.named_parameters()
                if name.startswith(PARTS_OF[modality]) and weight.grad is not None
            ]
            norm = torch.nn.utils.get_total_norm(gradients)
            add(self._progress.gradient_norms, {modality: norm}, 1)

    def on_validation_epoch_start(self) -> None:
        """Forget the previous pass."""
        self._validation = ValidationPass()

    def validation_step(self, batch: Batch) -> None:
        """Keep what the epoch's figures are made from."""
        grades: NetworkOutput = self.network(batch)
        self._validation.true.append(batch.scores.cpu())
        self._validation.standardised.append(grades.standardised.cpu())
        self._validation.watch.add(
            sample_ids=batch.sample_ids,
            fused=grades.fused,
            pooled=grades.pooled,
            audio_steps=grades.audio_steps,
            midi_steps=grades.midi_steps,
            mask=grades.mask,
        )

    def record(self, clock: EpochClock, learning_rate: float) -> EpochRecord:
        """Calibrate the head on the whole validation split, and return the epoch's figures.

        Both over all processes, so that each has the same head. The figures are of the scores
        that the model gives so far; their line has 16 numbers, fitted to the whole split.
        """
        validation = gathered(self._validation)
        progress = gathered(move_data_to_device(self._progress, torch.device("cpu")))
        true = torch.cat([scores for part in validation for scores in part.true])
        standardised = torch.cat([outputs for part in validation for outputs in part.standardised])
        if not standardised.isfinite().all():
            raise UserError(
                f"{self.network.experiment}: in epoch {self.epoch + 1} its scores ceased to be "
                "numbers; expected finite ones: lower training.learning_rate or "
                "training.gradient_norm_limit, or set training.precision to 32"
            )
        head = self.network.head
        head.calibrate(standardised, true)
        predicted = head.scores(standardised.to(head.slope.device)).cpu()
        found = agreement(true.double().numpy(), predicted.double().numpy())
        samples = sum(part.samples for part in progress)
        steps = sum(part.steps for part in progress)
        terms = means([part.terms for part in progress], samples)
        return EpochRecord(
            epoch=self.epoch + 1,
            train_loss=sum(terms.values()),
            terms=terms,
            logged=means([part.logged for part in progress], samples),
            val_loss=float(
                F.huber_loss(
                    head.standardise(predicted),
                    head.standardise(true),
                    delta=self.config.loss.huber.delta,
                )
            ),
            val_r=found.r,
            val_mae=found.mae,
            gradient_norms=means([part.gradient_norms for part in progress], steps),
            diagnostics=FusionWatch.merge([part.watch for part in validation]).result(),
            learning_rate=learning_rate,
            samples_per_s=samples / clock.trained_s,
            wait_share=clock.waited_s / clock.trained_s,
            seconds=clock.seconds,
        )

    def describe_progress(self, trained_s: float) -> str:
        """Return how many samples were seen, how fast, and how long the rest takes."""
        seen, whole = self._progress.samples * rank_info().world_size, len(self._train_targets)
        rate = seen / trained_s
        left_s = max(0, whole - seen) / rate
        return (
            f"{seen:,} of {whole:,} samples, {rate:,.0f} samples/s, "
            f"{describe_duration(left_s)} left in this epoch"
        )


def window_steps(config: ExperimentConfig) -> int | None:
    """Return the steps of the windows that are contrasted; None: whole clips."""
    contrast = config.loss.contrastive
    if contrast is None or contrast.window_s is None:
        return None
    return max(1, round(contrast.window_s * config.grid_rate_hz))


def window_means(steps: Tensor, mask: Tensor, length: int | None) -> tuple[Tensor, Tensor]:
    """Return the mean (N, width) of each window of `length` steps, and the clip (N,) it is of.

    `steps` (B, S, width) are real where `mask` (B, S) is true. Windows follow one another from the
    start of a clip, and one that its end cuts short is left out; None: a clip is one window.
    """
    if length is None:
        means = (steps * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return means, torch.arange(len(steps), device=steps.device)
    clips, count = len(steps), steps.shape[1] // length
    windows = steps[:, : count * length].reshape(clips, count, length, steps.shape[2])
    whole = mask[:, : count * length].reshape(clips, count, length).all(2)
    clip, window = whole.nonzero().unbind(1)
    return windows.mean(2)[clip, window], clip


def outputs_of(grades: NetworkOutput, window: int | None) -> Outputs:
    """Return what the losses need of a batch's grades; windows have `window` steps."""
    audio_windows = midi_windows = both = None
    by_modality = {}
    if grades.presence and grades.audio_steps is not None and grades.midi_steps is not None:
        audio_windows, clip = window_means(grades.audio_steps, grades.mask, window)
        midi_windows, _ = window_means(grades.midi_steps, grades.mask, window)
        both = grades.presence.both[clip]
        by_modality = {
            name: (predicted, getattr(grades.presence, name))
            for name, predicted in grades.by_modality.items()
        }
    return Outputs(
        predicted=grades.standardised,
        ordinal_logits=grades.ordinal_logits,
        audio_windows=audio_windows,
        midi_windows=midi_windows,
        both_present=both,
        by_modality=by_modality,
    )
