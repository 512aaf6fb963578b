"""Training an experiment: its steps, its validation and its data, as Lightning calls them."""

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from degradation.errors import UserError
from degradation.seeds import digest_int
from labeling.scores import DIMENSIONS
from models.config.experiment import ExperimentConfig
from models.diagnostics.watch import FusionWatch
from models.distributed import gathered, rank_info
from models.duration import describe_duration
from models.inputs.batch import Batch
from models.losses.terms import LossTerms, Outputs
from models.metrics import agreement
from models.networks.network import GradingNetwork, NetworkOutput, draw_presence
from models.training.checkpoint import ResumeState
from models.training.epoch_figures import EpochFigures, Progress, ValidationPass, add, means
from models.training.history import EpochRecord
from models.training.module import EpochClock, TrainingModule


class GradingModule(TrainingModule[EpochRecord]):
    """An experiment in training: it grades examples in eight dimensions."""

    network: GradingNetwork
    losses: LossTerms

    def __init__(
        self,
        network: GradingNetwork,
        config: ExperimentConfig,
        train_scores: NDArray[np.float32],
        *,
        steps_in_all: int,
        state: ResumeState[EpochRecord] | None,
    ) -> None:
        losses = LossTerms(
            config.loss,
            score_centre=config.head.score_centre,
            score_scale=config.head.score_scale,
            train_scores=train_scores,
        )
        super().__init__(network, losses, config.training, steps_in_all=steps_in_all, state=state)
        self.config = config
        self.progress = Progress()
        self.figures: EpochFigures | None = None
        self._train_samples = len(train_scores)
        # Made when an epoch begins: a generator cannot be sent to another process.
        self._presence_rng: torch.Generator | None = None
        self._validation = ValidationPass()

    def best_weights(self) -> dict[str, Tensor]:
        """Return all weights of the network."""
        return self.network.state_dict()

    def on_train_epoch_start(self) -> None:
        """Give the epoch its own randomness, so that a resumed training repeats it exactly."""
        name = (str(self.epoch), str(rank_info().rank))
        self.seed_dropout(str(self.config.seed), "dropout", *name)
        drawn = digest_int(str(self.config.seed), "modality dropout", *name) % 2**63
        self._presence_rng = torch.Generator().manual_seed(drawn)
        self.progress = Progress()

    def _grades(self, batch: Batch) -> NetworkOutput:
        if len(self.network.modalities) == 1:
            grades: NetworkOutput = self.network(batch)
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
        logged = self.losses.logged(outputs, batch.scores, epoch=self.epoch)
        add(self.progress.logged_sums, logged, count)
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

    def on_validation_epoch_end(self) -> None:
        """Calibrate the head on the whole split, and take the epoch's figures over it.

        Both over all processes, so that each has the same head. The figures are of the scores
        that the model gives so far; their line has 16 numbers, fitted to the whole split.
        """
        validation, progress = gathered(self._validation), gathered(self.progress.on_cpu())
        true = torch.cat([scores for part in validation for scores in part.true])
        standardised = torch.cat([outputs for part in validation for outputs in part.standardised])
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
            logged=means([part.logged_sums for part in progress], samples),
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
            diagnostics=FusionWatch.merge([part.watch for part in validation]).result(),
        )

    def record(self, clock: EpochClock, learning_rate: float) -> EpochRecord:
        """Return the epoch's figures."""
        figures = self.figures
        assert figures is not None
        return EpochRecord(
            epoch=self.epoch + 1,
            train_loss=sum(figures.terms.values()),
            terms=figures.terms,
            told=figures.logged,
            val_loss=figures.val_loss,
            val_r=figures.agreement.r,
            val_mae=figures.agreement.mae,
            gradient_norms=figures.gradient_norms,
            diagnostics=figures.diagnostics,
            learning_rate=learning_rate,
            samples_per_s=figures.samples / clock.trained_s,
            wait_share=clock.waited_s / clock.trained_s,
            seconds=clock.seconds,
        )

    def describe_progress(self, trained_s: float) -> str:
        """Return how many samples were seen, how fast, and how long the rest takes."""
        seen = self.progress.samples * rank_info().world_size
        rate = seen / trained_s
        left_s = max(0, self._train_samples - seen) / rate
        return (
            f"{seen:,} of {self._train_samples:,} samples, {rate:,.0f} samples/s, "
            f"{describe_duration(left_s)} left in this epoch"
        )

    def describe_epoch(self, record: EpochRecord) -> str:
        """Return an epoch's agreement, speed, loss terms, gradients and diagnostics."""

        def listed(figures: Mapping[str, float], digits: int) -> str:
            return ", ".join(f"{name} {value:.{digits}f}" for name, value in figures.items())

        by_dimension = ", ".join(
            f"{name} {r:.3f} {mae:.2f}"
            for name, r, mae in zip(DIMENSIONS, record.val_r, record.val_mae, strict=True)
        )
        return (
            f"r {record.mean_r:.3f}, MAE {record.mean_mae:.2f}, "
            f"{record.samples_per_s:,.0f} samples/s ({record.wait_share:.0%} waiting for data); "
            f"loss terms: {listed(record.terms, 4)}; "
            f"gradient norms: {listed(record.gradient_norms, 2)}; "
            f"{listed(record.diagnostics.curves(), 3)}; r and MAE: {by_dimension}"
        )


def mean_over_steps(steps: Tensor, mask: Tensor) -> Tensor:
    """Return the mean (B, width) of steps (B, S, width) where `mask` (B, S) is true."""
    return (steps * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


def outputs_of(grades: NetworkOutput) -> Outputs:
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
