"""Masked pretraining: the network, its steps, its validation and its data."""

from collections.abc import Mapping

import lightning as L
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from models.config.experiment import ExperimentConfig
from models.duration import describe_duration
from models.networks.midi_encoder import NoteEncoder
from models.training.checkpoint import ResumeState
from models.training.module import EpochClock, TrainingModule
from models.training.pretraining.baseline import Survey
from models.training.pretraining.history import PretrainingEpoch
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
    """The MIDI encoder in pretraining: it guesses the fields of masked notes.

    After an epoch `train_loss` is the mean over its windows, `cross_entropy` that of each field
    over the notes that validation guessed.
    """

    network: MaskedNoteModel

    def __init__(
        self,
        network: MaskedNoteModel,
        config: ExperimentConfig,
        survey: Survey,
        *,
        steps_in_all: int,
        state: ResumeState[PretrainingEpoch] | None,
    ) -> None:
        assert config.pretraining is not None
        super().__init__(
            network, nn.Identity(), config.pretraining, steps_in_all=steps_in_all, state=state
        )
        self.vocabulary = network.vocabulary
        self.notes_seen = self.windows_seen = 0
        self._seed, self._survey = config.seed, survey
        self._loss_sum = 0.0
        self._entropy_sums = torch.zeros(len(self.vocabulary), dtype=torch.float64)
        self._notes_guessed = 0

    def best_weights(self) -> dict[str, Tensor]:
        """Return the encoder's weights, without those that guess fields."""
        return self.network.encoder.state_dict()

    @property
    def train_loss(self) -> float:
        """Mean over the epoch's windows so far."""
        return self._loss_sum / self.windows_seen

    @property
    def cross_entropy(self) -> dict[str, float]:
        """Each field's mean over the notes that validation guessed, in nats."""
        means = (self._entropy_sums / self._notes_guessed).tolist()
        return dict(zip(self.vocabulary, means, strict=True))

    @property
    def val_loss(self) -> float:
        """The loss over all of validation's notes."""
        losses = {field: torch.tensor(mean) for field, mean in self.cross_entropy.items()}
        return float(total_loss(losses, self.vocabulary))

    def on_train_epoch_start(self) -> None:
        """Give the epoch its own randomness, so that a resumed pretraining repeats it exactly."""
        self.seed_dropout(str(self._seed), "pretraining dropout", str(self.epoch))
        self.notes_seen = self.windows_seen = 0
        self._loss_sum = 0.0

    def training_step(self, batch: MaskedBatch) -> Tensor:
        """Return the loss of one batch."""
        loss = total_loss(field_losses(self.network(batch), batch.classes), self.vocabulary)
        self._loss_sum += float(loss.detach()) * len(batch.note_mask)
        self.windows_seen += len(batch.note_mask)
        self.notes_seen += int(batch.note_mask.sum())
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
        return PretrainingEpoch(
            epoch=self.epoch + 1,
            train_loss=self.train_loss,
            val_loss=self.val_loss,
            val_cross_entropy=self.cross_entropy,
            unigram_cross_entropy=self._survey.unigram,
            learning_rate=learning_rate,
            notes_per_s=self.notes_seen / clock.trained_s,
            seconds=clock.seconds,
        )

    def describe_progress(self, trained_s: float) -> str:
        """Return how many windows were seen, the loss, the speed, and how long the rest takes."""
        windows = self._survey.train_windows
        left_s = trained_s * max(0.0, windows / self.windows_seen - 1)
        return (
            f"{self.windows_seen:,} of {windows:,} windows, loss {self.train_loss:.4f}, "
            f"{self.notes_seen / trained_s:,.0f} notes/s, "
            f"{describe_duration(left_s)} left in this epoch"
        )

    def describe_epoch(self, record: PretrainingEpoch) -> str:
        """Return each field's cross-entropy beside the unigram's, and the speed."""
        fields = ", ".join(
            f"{field} {value:.3f}/{record.unigram_cross_entropy[field]:.3f}"
            for field, value in record.val_cross_entropy.items()
        )
        return f"{record.notes_per_s:,.0f} notes/s; cross-entropy/unigram: {fields}"


class WindowLoaders(L.LightningDataModule):
    """The loaders of one pretraining; each epoch a new one, whose windows follow its number."""

    def __init__(
        self, source: PerformanceSource, config: ExperimentConfig, first_epoch: int
    ) -> None:
        super().__init__()
        self._source, self._config, self._first_epoch = source, config, first_epoch

    def _loader(self, epoch: int | None) -> DataLoader[MaskedBatch]:
        return DataLoader(
            MaskedWindows(self._source, self._config, epoch),
            batch_size=None,
            # Its own, or making a loader would move the global generator that dropout draws from.
            generator=torch.Generator(),
        )

    def train_dataloader(self) -> DataLoader[MaskedBatch]:
        """Return the training split, cut, masked and shuffled for the epoch at hand."""
        assert self.trainer is not None
        return self._loader(self._first_epoch + int(self.trainer.current_epoch))

    def val_dataloader(self) -> DataLoader[MaskedBatch]:
        """Return the validation split, cut and masked as ever."""
        return self._loader(None)
