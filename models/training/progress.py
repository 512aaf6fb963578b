"""After every epoch: its record, the files to go on from, and a line for the reader."""

import time
from pathlib import Path

import lightning as L

from labeling.scores import DIMENSIONS
from models.config.experiment import Experiment
from models.distributed import Tell, here
from models.duration import describe_duration
from models.inputs.batch import Batch
from models.training.checkpoint import ResumeState, save_best, save_resume
from models.training.history import EpochRecord, best_epoch, is_finished
from models.training.identity import Origin
from models.training.module import GradingModule


class EpochKeeper(L.Callback):
    """Records, saves and reports each epoch, and stops the training when it is finished.

    Of several processes the first one saves and tells; all know the history, so that all stop.
    It tells "log" lines, and "epoch" records.
    """

    def __init__(
        self,
        experiment: Experiment,
        origin: Origin,
        out_dir: Path,
        history: tuple[EpochRecord, ...],
        train_samples: int,
        tell: Tell,
    ) -> None:
        self.history = history
        self._experiment = experiment
        self._origin = origin
        self._out_dir = out_dir
        self._train_samples = train_samples
        self._tell = tell
        self._started_s = self._spoke_s = 0.0
        self._idle_since_s = self._waited_s = self._trained_s = 0.0

    def on_train_epoch_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Start the epoch's clock."""
        self._started_s = self._spoke_s = self._idle_since_s = time.monotonic()
        self._waited_s = self._trained_s = 0.0

    def on_train_batch_start(
        self, trainer: L.Trainer, module: L.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        """Count the time since the last batch as waiting for this one."""
        self._waited_s += time.monotonic() - self._idle_since_s

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        module: L.LightningModule,
        outputs: object,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        """Say where a long epoch stands."""
        assert isinstance(module, GradingModule)
        now_s = self._idle_since_s = time.monotonic()
        self._trained_s = now_s - self._started_s
        if now_s - self._spoke_s < module.config.training.progress_every_s or here().rank:
            return
        self._spoke_s = now_s
        seen = module.progress.samples * here().ranks
        rate = seen / self._trained_s
        left_s = max(0, self._train_samples - seen) / rate
        self._tell(
            "log",
            f"{self._experiment}: epoch {module.epoch + 1}, {seen:,} of "
            f"{self._train_samples:,} samples, {rate:,.0f} samples/s, "
            f"{describe_duration(left_s)} left in this epoch",
        )

    def _record(self, module: GradingModule, learning_rate: float) -> EpochRecord:
        figures = module.figures
        assert figures is not None
        return EpochRecord(
            epoch=module.epoch + 1,
            train_loss=sum(figures.terms.values()),
            terms=figures.terms,
            told=figures.told,
            val_loss=figures.val_loss,
            val_r=figures.agreement.r,
            val_mae=figures.agreement.mae,
            gradient_norms=figures.gradient_norms,
            diagnostics=figures.diagnostics,
            learning_rate=learning_rate,
            samples_per_s=figures.samples / self._trained_s,
            wait_share=self._waited_s / self._trained_s,
            seconds=time.monotonic() - self._started_s,
        )

    def _report(self, record: EpochRecord, epochs: int) -> None:
        mean_s = sum(past.seconds for past in self.history) / len(self.history)
        terms = ", ".join(f"{name} {value:.4f}" for name, value in record.terms.items())
        watched = ", ".join(
            f"{name} {value:.3f}" for name, value in record.diagnostics.curves().items()
        )
        norms = ", ".join(f"{name} {norm:.2f}" for name, norm in record.gradient_norms.items())
        by_dimension = ", ".join(
            f"{name} {r:.3f} {mae:.2f}"
            for name, r, mae in zip(DIMENSIONS, record.val_r, record.val_mae, strict=True)
        )
        self._tell(
            "log",
            f"{self._experiment}: epoch {record.epoch}/{epochs}, "
            f"loss {record.train_loss:.4f} ({terms}), val loss {record.val_loss:.4f}, "
            f"r {record.mean_r:.3f}, MAE {record.mean_mae:.2f}, "
            f"{record.samples_per_s:,.0f} samples/s ({record.wait_share:.0%} waiting for data), "
            f"at most {describe_duration(mean_s * (epochs - len(self.history)))} left; "
            f"gradient norms: {norms}; {watched}; r and MAE: {by_dimension}",
        )
        self._tell("epoch", record)

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Keep the epoch: best weights first, then the state that says it is done."""
        assert isinstance(module, GradingModule)
        training = module.config.training
        record = self._record(module, float(trainer.optimizers[0].param_groups[0]["lr"]))
        self.history = (*self.history, record)
        if not here().rank:
            self._save(module, record, trainer.optimizers[0].state_dict())
            self._report(record, training.epochs)
        if is_finished(self.history, training.epochs, training.patience_epochs):
            trainer.should_stop = True

    def _save(
        self, module: GradingModule, record: EpochRecord, optimizer: dict[str, object]
    ) -> None:
        weights = module.network.state_dict()
        if best_epoch(self.history) is record:
            save_best(self._out_dir, self._experiment, self._origin, module.config, record, weights)
        save_resume(
            self._out_dir,
            ResumeState(
                identity=self._origin.identity,
                weights=weights,
                loss_weights=module.losses.state_dict(),
                optimizer=optimizer,
                steps_done=module.steps_done,
                history=self.history,
            ),
        )
