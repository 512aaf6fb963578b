"""Lightning's view of masked pretraining: it wires network, losses, schedule and windows."""

import copy
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.utils.data import DataLoader

from degradation.seeds import digest_int
from models.config.experiment import ExperimentConfig
from models.networks.midi_encoder import NoteEncoder
from models.tokens.tokenisers import TOKENISERS
from models.training.pretraining.network import MaskedNoteModel, field_losses, total_loss
from models.training.pretraining.source import PerformanceSource
from models.training.pretraining.windows import MaskedBatch, MaskedWindows
from models.training.schedule import learning_rate_factor


class PretrainingModule(L.LightningModule):
    """A pretraining; `first_epoch` and the optimiser's state continue a killed one.

    After an epoch `train_loss` is the mean over its windows, `cross_entropy` that of each field
    over the notes that validation guessed.
    """

    def __init__(
        self,
        config: ExperimentConfig,
        *,
        steps_in_all: int,
        first_epoch: int,
        steps_done: int,
        optimizer_state: dict[str, Any] | None,
    ) -> None:
        super().__init__()
        assert config.pretraining is not None
        self.pretraining = config.pretraining
        self.config = config
        self.vocabulary = TOKENISERS[config.midi_encoder.tokens].vocabulary
        self.network = MaskedNoteModel(
            NoteEncoder(config.grid_rate_hz, config.midi_encoder), self.vocabulary
        )
        self.steps_done = steps_done
        self.notes_seen = self.windows_seen = 0
        self._first_epoch = first_epoch
        self._steps_in_all = steps_in_all
        self._optimizer_state = optimizer_state
        self._loss_sum = 0.0
        self._entropy_sums = torch.zeros(len(self.vocabulary), dtype=torch.float64)
        self._notes_guessed = 0

    @property
    def epoch(self) -> int:
        """The epoch of the whole pretraining, counted across interruptions."""
        return self._first_epoch + int(self.current_epoch)

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
        # Dropout draws from torch's global generator and takes no other.
        name = (str(self.config.seed), "pretraining dropout", str(self.epoch))
        torch.manual_seed(digest_int(*name) % 2**63)
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

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW with a rate that follows from the step alone."""
        pretraining = self.pretraining
        optimizer = torch.optim.AdamW(
            self.network.parameters(),
            lr=pretraining.learning_rate,
            weight_decay=pretraining.weight_decay,
        )
        if self._optimizer_state is not None:
            optimizer.load_state_dict(copy.deepcopy(self._optimizer_state))
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] = pretraining.learning_rate
        before = self.steps_done
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer,
            lambda step: learning_rate_factor(
                before + step, self._steps_in_all, pretraining.warmup_share
            ),
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }


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
