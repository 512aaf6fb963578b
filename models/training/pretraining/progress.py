"""After every epoch of pretraining: its record, the files to go on from, a line to read."""

import time
from collections.abc import Callable
from pathlib import Path

import lightning as L

from models.duration import describe_duration
from models.training.pretraining.baseline import Survey
from models.training.pretraining.checkpoint import PretrainingState, save_best_encoder, save_state
from models.training.pretraining.history import PretrainingEpoch, best_pretraining_epoch
from models.training.pretraining.module import PretrainingModule
from models.training.pretraining.result import NAME
from models.training.pretraining.windows import MaskedBatch


class PretrainingKeeper(L.Callback):
    """Records, saves and reports each epoch."""

    def __init__(
        self,
        identity: str,
        data_version: str,
        out_dir: Path,
        history: tuple[PretrainingEpoch, ...],
        survey: Survey,
        log: Callable[[str], None],
        on_epoch: Callable[[PretrainingEpoch], None],
    ) -> None:
        self.history = history
        self._identity, self._data_version = identity, data_version
        self._out_dir = out_dir
        self._survey = survey
        self._log = log
        self._on_epoch = on_epoch
        self._started_s = self._spoke_s = self._trained_s = 0.0

    def on_train_epoch_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Start the epoch's clock."""
        self._started_s = self._spoke_s = time.monotonic()

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        module: L.LightningModule,
        outputs: object,
        batch: MaskedBatch,
        batch_idx: int,
    ) -> None:
        """Say where a long epoch stands."""
        assert isinstance(module, PretrainingModule)
        now_s = time.monotonic()
        self._trained_s = now_s - self._started_s
        if now_s - self._spoke_s < module.config.training.progress_every_s:
            return
        self._spoke_s = now_s
        windows = self._survey.train_windows
        left_s = self._trained_s * max(0.0, windows / module.windows_seen - 1)
        self._log(
            f"{NAME}: epoch {module.epoch + 1}, {module.windows_seen:,} of {windows:,} windows, "
            f"loss {module.train_loss:.4f}, {module.notes_seen / self._trained_s:,.0f} notes/s, "
            f"{describe_duration(left_s)} left in this epoch"
        )

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Keep the epoch: best weights first, then the state that says it is done."""
        assert isinstance(module, PretrainingModule)
        record = PretrainingEpoch(
            epoch=module.epoch + 1,
            train_loss=module.train_loss,
            val_loss=module.val_loss,
            val_cross_entropy=module.cross_entropy,
            unigram_cross_entropy=self._survey.unigram,
            learning_rate=float(trainer.optimizers[0].param_groups[0]["lr"]),
            notes_per_s=module.notes_seen / self._trained_s,
            seconds=time.monotonic() - self._started_s,
        )
        self.history = (*self.history, record)
        if best_pretraining_epoch(self.history) is record:
            save_best_encoder(
                self._out_dir,
                self._identity,
                self._data_version,
                module.config.midi_encoder,
                record,
                module.network.encoder.state_dict(),
            )
        save_state(
            self._out_dir,
            PretrainingState(
                identity=self._identity,
                weights=module.network.state_dict(),
                optimizer=trainer.optimizers[0].state_dict(),
                steps_done=module.steps_done,
                history=self.history,
            ),
        )
        self._report(record, module.pretraining.epochs)
        self._on_epoch(record)

    def _report(self, record: PretrainingEpoch, epochs: int) -> None:
        mean_s = sum(past.seconds for past in self.history) / len(self.history)
        fields = ", ".join(
            f"{field} {value:.3f}/{record.unigram_cross_entropy[field]:.3f}"
            for field, value in record.val_cross_entropy.items()
        )
        self._log(
            f"{NAME}: epoch {record.epoch}/{epochs}, loss {record.train_loss:.4f}, val loss "
            f"{record.val_loss:.4f}, cross-entropy/unigram: {fields}; "
            f"{record.notes_per_s:,.0f} notes/s, "
            f"{describe_duration(mean_s * (epochs - len(self.history)))} left"
        )
