"""After every epoch: its record, the files to resume from, and a line in the log."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

import lightning as L

from models.distributed import Tell, rank_info
from models.duration import describe_duration
from models.training.checkpoint import ResumeState, save_best, save_resume
from models.training.history import Record, best_epoch, is_finished
from models.training.module import EpochClock, TrainingModule


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """What an epoch keeper must know of a training.

    `about` is what the best weights' JSON says beside the epoch and its validation loss.
    """

    name: str
    identity: str
    about: Mapping[str, Any]
    out_dir: Path
    epochs: int
    patience_epochs: int
    progress_every_s: float


class EpochKeeper(L.Callback, Generic[Record]):
    """Records, saves and reports each epoch, and stops the training when it is finished.

    Of several processes the first one saves and reports; all know the history, so that all stop.
    `tell` is called with "log" and a line, and with "epoch" and a record.
    """

    def __init__(self, keeping: Keeping, history: tuple[Record, ...], tell: Tell) -> None:
        self.history = history
        self._keeping, self._tell = keeping, tell
        self._started_s = self._spoke_s = 0.0
        self._idle_since_s = self._waited_s = self._trained_s = 0.0

    def on_train_epoch_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Start the epoch's clock."""
        self._started_s = self._spoke_s = self._idle_since_s = time.monotonic()
        self._waited_s = self._trained_s = 0.0

    def on_train_batch_start(
        self, trainer: L.Trainer, module: L.LightningModule, batch: object, batch_idx: int
    ) -> None:
        """Count the time since the last batch as waiting for this one."""
        self._waited_s += time.monotonic() - self._idle_since_s

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        module: L.LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        """Report the progress of a long epoch."""
        assert isinstance(module, TrainingModule)
        now_s = self._idle_since_s = time.monotonic()
        self._trained_s = now_s - self._started_s
        if now_s - self._spoke_s < self._keeping.progress_every_s or rank_info().rank:
            return
        self._spoke_s = now_s
        progress = module.describe_progress(self._trained_s)
        self._tell("log", f"{self._keeping.name}: epoch {module.epoch + 1}, {progress}")

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Keep the epoch: best weights first, then the state that says it is done."""
        assert isinstance(module, TrainingModule)
        clock = EpochClock(
            seconds=time.monotonic() - self._started_s,
            trained_s=self._trained_s,
            waited_s=self._waited_s,
        )
        record: Record = module.record(clock, float(trainer.optimizers[0].param_groups[0]["lr"]))
        self.history = (*self.history, record)
        if not rank_info().rank:
            self._save(module, record, trainer.optimizers[0].state_dict())
            self._report(module, record)
        keeping = self._keeping
        if is_finished(self.history, keeping.epochs, keeping.patience_epochs):
            trainer.should_stop = True

    def _save(
        self, module: TrainingModule[Record], record: Record, optimizer: dict[str, Any]
    ) -> None:
        keeping = self._keeping
        if best_epoch(self.history) is record:
            about = {**keeping.about, "epoch": record.epoch, "val_loss": record.val_loss}
            save_best(keeping.out_dir, keeping.name, about, module.best_weights())
        state = ResumeState(
            identity=keeping.identity,
            weights=module.network.state_dict(),
            loss_weights=module.losses.state_dict(),
            optimizer=optimizer,
            steps_done=module.steps_done,
            history=self.history,
        )
        save_resume(keeping.out_dir, state)

    def _report(self, module: TrainingModule[Record], record: Record) -> None:
        keeping = self._keeping
        mean_s = sum(past.seconds for past in self.history) / len(self.history)
        left = describe_duration(mean_s * (keeping.epochs - len(self.history)))
        at_most = "at most " if keeping.patience_epochs < keeping.epochs else ""
        self._tell(
            "log",
            f"{keeping.name}: epoch {record.epoch}/{keeping.epochs}, loss "
            f"{record.train_loss:.4f}, val loss {record.val_loss:.4f}, {at_most}{left} left; "
            f"{module.describe_epoch(record)}",
        )
        self._tell("epoch", record)
