"""After every epoch: its record, the files to resume from, and a line in the log."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

import lightning as L

from models.config.experiment import ExperimentConfig
from models.distributed import Tell, rank_info
from models.duration import describe_duration
from models.training.checkpoint import ResumeState, save_best, save_resume
from models.training.history import Record, best_epoch, is_finished
from models.training.module import EpochClock, TrainingModule


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Generic[Record]):
    """What is trained, for how long, on what, and where its files go; can be pickled.

    `about` is what the best weights' JSON says beside the epoch and its validation loss.
    """

    name: str
    identity: str
    about: Mapping[str, Any]
    out_dir: Path
    record: type[Record]
    config: ExperimentConfig
    epochs: int
    patience_epochs: int
    devices: int
    bf16: bool

    def is_finished(self, history: tuple[Record, ...]) -> bool:
        """Whether no more epochs are to come."""
        return is_finished(history, self.epochs, self.patience_epochs)


class EpochKeeper(L.Callback, Generic[Record]):
    """Records, saves and reports each epoch, and stops the training when it is finished.

    Of several processes the first one saves and reports; all know the history, so that all stop.
    `tell` is called with "log" and a line, and with "epoch" and a record.
    """

    def __init__(self, task: Task[Record], history: tuple[Record, ...], tell: Tell) -> None:
        self.history = history
        self._task, self._tell = task, tell
        self._clock, self._reported_s = EpochClock(), 0.0

    def on_train_epoch_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Start the epoch's clock."""
        self._clock, self._reported_s = EpochClock(), 0.0

    def on_train_batch_start(
        self, trainer: L.Trainer, module: L.LightningModule, batch: object, batch_idx: int
    ) -> None:
        """Count the time since the last batch as waiting for this one."""
        self._clock.waited_s += self._clock.seconds - self._clock.trained_s

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
        trained_s = self._clock.trained_s = self._clock.seconds
        waits = trained_s - self._reported_s < self._task.config.training.progress_every_s
        if waits or rank_info().rank:
            return
        self._reported_s = trained_s
        progress = module.describe_progress(trained_s)
        self._tell("log", f"{self._task.name}: epoch {module.epoch + 1}, {progress}")

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Keep the epoch: best weights first, then the state that says it is done."""
        assert isinstance(module, TrainingModule)
        optimizer = trainer.optimizers[0]
        record: Record = module.record(self._clock, float(optimizer.param_groups[0]["lr"]))
        self.history = (*self.history, record)
        if not rank_info().rank:
            self._save(module, record, optimizer.state_dict())
            self._report(record)
        if self._task.is_finished(self.history):
            trainer.should_stop = True

    def _save(
        self, module: TrainingModule[Record], record: Record, optimizer: dict[str, Any]
    ) -> None:
        task = self._task
        if best_epoch(self.history) is record:
            about = {**task.about, "epoch": record.epoch, "val_loss": record.val_loss}
            save_best(task.out_dir, task.name, about, module.best_weights())
        state = ResumeState(
            identity=task.identity,
            weights=module.network.state_dict(),
            loss_weights=module.losses.state_dict(),
            optimizer=optimizer,
            steps_done=module.steps_done,
            history=self.history,
        )
        save_resume(task.out_dir, state)

    def _report(self, record: Record) -> None:
        task = self._task
        mean_s = sum(past.seconds for past in self.history) / len(self.history)
        left = describe_duration(mean_s * (task.epochs - len(self.history)))
        at_most = "at most " if task.patience_epochs < task.epochs else ""
        self._tell(
            "log",
            f"{task.name}: epoch {record.epoch}/{task.epochs}, loss {record.train_loss:.4f}, "
            f"{record.summary()}, {at_most}{left} left; {record.speed()}",
        )
        self._tell("epoch", record)
