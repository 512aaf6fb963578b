"""Masked pretraining: the network, its steps, its validation and its data."""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from degradation.counted import counted
from models.config.experiment import ExperimentConfig
from models.duration import describe_duration
from models.networks.midi_encoder import NoteEncoder
from models.training.module import EpochClock, TrainingModule
from models.training.pretraining.baseline import Survey
from models.training.pretraining.result import PretrainingEpoch
from models.training.pretraining.source import PerformanceSource
from models.training.pretraining.windows import MaskedBatch, MaskedWindows


class MaskedNoteModel(nn.Module):
    """Each field's class is read off the encoder's output by one linear layer."""

    def __init__(self, encoder: NoteEncoder, vocabulary: Mapping[str, int]) -> None:
        super().__init__()
        self.encoder = encoder
        self.vocabulary = dict(vocabulary)
        # One matrix for all fields, split afterwards: seven fewer small products a step.
        self.heads = nn.Linear(encoder.width, sum(vocabulary.values()))

    def forward(self, batch: MaskedBatch) -> dict[str, Tensor]:
        """Return logits (guessed notes, classes) of each field, in float32."""
        states = self.encoder.encode(batch.notes, batch.note_mask, batch.hidden)[batch.guessed]
        logits = self.heads(states).float().split(list(self.vocabulary.values()), dim=-1)
        return dict(zip(self.vocabulary, logits, strict=True))


def field_losses(logits: Mapping[str, Tensor], classes: Tensor) -> dict[str, Tensor]:
    """Return each field's cross-entropy in nats, the mean over `classes` (notes, fields)."""
    return {
        field: F.cross_entropy(guess, true)
        for (field, guess), true in zip(logits.items(), classes.unbind(-1), strict=True)
    }


def total_loss(losses: Mapping[str, Tensor], vocabulary: Mapping[str, int]) -> Tensor:
    """Return the mean of the fields' losses, each weighted by its number of classes (MidiBERT)."""
    weighted = torch.stack([vocabulary[field] * loss for field, loss in losses.items()])
    return weighted.sum() / sum(vocabulary.values())


class PretrainingModule(TrainingModule[PretrainingEpoch]):
    """The MIDI encoder in pretraining: it guesses the fields of masked notes."""

    network: MaskedNoteModel

    def __init__(
        self,
        network: MaskedNoteModel,
        config: ExperimentConfig,
        source: PerformanceSource,
        survey: Survey,
    ) -> None:
        assert config.pretraining is not None
        super().__init__(
            network,
            nn.Identity(),
            config.pretraining,
            steps_an_epoch=math.ceil(survey.train_windows / config.pretraining.batch_size),
            described=(
                f"{counted(survey.train_windows, 'window')} with "
                f"{counted(survey.train_notes, 'note')}, "
                f"{survey.validation_notes_guessed:,} to guess in validation"
            ),
        )
        self._config, self._source, self._survey = config, source, survey
        self._notes_seen = self._windows_seen = self._notes_guessed = 0
        self._loss_sum = 0.0
        self._entropy_sums = torch.zeros(len(network.vocabulary), dtype=torch.float64)

    def _loader(self, epoch: int | None) -> DataLoader[MaskedBatch]:
        return DataLoader(
            MaskedWindows(self._source, self._config, epoch),
            batch_size=None,
            # Its own, or making a loader would move the global generator that dropout draws from.
            generator=torch.Generator(),
        )

    def train_dataloader(self) -> DataLoader[MaskedBatch]:
        """Return the training split, cut, masked and shuffled for the epoch at hand."""
        return self._loader(self.epoch)

    def val_dataloader(self) -> DataLoader[MaskedBatch]:
        """Return the validation split, cut and masked in each epoch alike."""
        return self._loader(None)

    def best_weights(self) -> dict[str, Tensor]:
        """Return the encoder's weights, without those that guess fields."""
        return self.network.encoder.state_dict()

    def on_train_epoch_start(self) -> None:
        """Give the epoch its own randomness, so that a resumed pretraining repeats it exactly."""
        self.seed_dropout(str(self._config.seed), "pretraining dropout", str(self.epoch))
        self._notes_seen = self._windows_seen = 0
        self._loss_sum = 0.0

    def training_step(self, batch: MaskedBatch) -> Tensor:
        """Return the loss of one batch."""
        losses = field_losses(self.network(batch), batch.classes)
        loss = total_loss(losses, self.network.vocabulary)
        self._loss_sum += float(loss.detach()) * len(batch.note_mask)
        self._windows_seen += len(batch.note_mask)
        self._notes_seen += int(batch.note_mask.sum())
        self.steps_done += 1
        return loss

    def on_validation_epoch_start(self) -> None:
        """Forget the previous pass."""
        self._entropy_sums.zero_()
        self._notes_guessed = 0

    def validation_step(self, batch: MaskedBatch) -> None:
        """Add up what the epoch's figures are made from."""
        losses = field_losses(self.network(batch), batch.classes)
        self._entropy_sums += torch.stack(list(losses.values())).double().cpu() * len(batch.classes)
        self._notes_guessed += len(batch.classes)

    def record(self, clock: EpochClock, learning_rate: float) -> PretrainingEpoch:
        """Return the epoch's figures."""
        vocabulary = self.network.vocabulary
        means = (self._entropy_sums / self._notes_guessed).tolist()
        entropies = dict(zip(vocabulary, means, strict=True))
        losses = {field: torch.tensor(mean) for field, mean in entropies.items()}
        return PretrainingEpoch(
            epoch=self.epoch + 1,
            train_loss=self._loss_sum / self._windows_seen,
            val_loss=float(total_loss(losses, vocabulary)),
            val_cross_entropy=entropies,
            unigram_cross_entropy=self._survey.unigram,
            learning_rate=learning_rate,
            notes_per_s=self._notes_seen / clock.trained_s,
            seconds=clock.seconds,
        )

    def describe_progress(self, trained_s: float) -> str:
        """Return how many windows were seen, the loss, the speed, and how long the rest takes."""
        windows, seen = self._survey.train_windows, self._windows_seen
        left_s = trained_s * max(0.0, windows / seen - 1)
        return (
            f"{seen:,} of {windows:,} windows, loss {self._loss_sum / seen:.4f}, "
            f"{self._notes_seen / trained_s:,.0f} notes/s, "
            f"{describe_duration(left_s)} left in this epoch"
        )
