"""After every epoch: its record, the files to go on from, and a line for the reader."""

import time
from collections.abc import Callable
from pathlib import Path

import lightning as L

from models.batch import Batch
from models.checkpoint import ResumeState, save_best, save_resume
from models.config import Experiment
from models.history import EpochRecord, best_epoch, is_finished
from models.identity import Origin
from models.lightning_module import GradingModule


def describe_duration(seconds: float) -> str:
    """Return a duration as a person says it.

    >>> describe_duration(3725)
    '1 h 02 min'
    >>> describe_duration(95)
    '1 min 35 s'
    """
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"


class EpochKeeper(L.Callback):
    """Records, saves and reports each epoch, and stops the training when it is finished."""

    def __init__(
        self,
        experiment: Experiment,
        origin: Origin,
        out_dir: Path,
        history: tuple[EpochRecord, ...],
        train_samples: int,
        log: Callable[[str], None],
    ) -> None:
        self.history = history
        self._experiment = experiment
        self._origin = origin
        self._out_dir = out_dir
        self._train_samples = train_samples
        self._log = log
        self._started_s = self._spoke_s = 0.0

    def on_train_epoch_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Start the epoch's clock."""
        self._started_s = self._spoke_s = time.monotonic()

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
        now_s = time.monotonic()
        if now_s - self._spoke_s < module.config.training.progress_every_s:
            return
        self._spoke_s = now_s
        rate = module.samples_seen / (now_s - self._started_s)
        left_s = max(0, self._train_samples - module.samples_seen) / rate
        self._log(
            f"{self._experiment}: epoch {module.epoch + 1}, {module.samples_seen:,} of "
            f"{self._train_samples:,} samples, {rate:,.0f} samples/s, "
            f"{describe_duration(left_s)} left in this epoch"
        )

    def _record(self, module: GradingModule, learning_rate: float) -> EpochRecord:
        assert module.validation is not None
        seconds = time.monotonic() - self._started_s
        terms = {name: total / module.samples_seen for name, total in module.term_sums.items()}
        return EpochRecord(
            epoch=module.epoch + 1,
            train_loss=sum(terms.values()),
            terms=terms,
            val_loss=module.validation.loss,
            val_r=module.validation.agreement.mean_r,
            val_mae=module.validation.agreement.mean_mae,
            gate_mean=module.validation.gate_mean,
            gate_spread=module.validation.gate_spread,
            learning_rate=learning_rate,
            samples_per_s=module.samples_seen / seconds,
            seconds=seconds,
        )

    def _report(self, record: EpochRecord, epochs: int) -> None:
        mean_s = sum(past.seconds for past in self.history) / len(self.history)
        gate = "" if record.gate_mean is None else f", gate {record.gate_mean:.2f}"
        self._log(
            f"{self._experiment}: epoch {record.epoch}/{epochs}, "
            f"loss {record.train_loss:.4f}, val loss {record.val_loss:.4f}, "
            f"r {record.val_r:.3f}, MAE {record.val_mae:.2f}{gate}, "
            f"{record.samples_per_s:,.0f} samples/s, "
            f"at most {describe_duration(mean_s * (epochs - len(self.history)))} left"
        )

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Keep the epoch: best weights first, then the state that says it is done."""
        assert isinstance(module, GradingModule)
        training = module.config.training
        record = self._record(module, float(trainer.optimizers[0].param_groups[0]["lr"]))
        self.history = (*self.history, record)
        weights = module.network.state_dict()
        if best_epoch(self.history) is record:
            save_best(self._out_dir, self._experiment, self._origin, module.config, record, weights)
        save_resume(
            self._out_dir,
            ResumeState(
                identity=self._origin.identity,
                weights=weights,
                optimizer=trainer.optimizers[0].state_dict(),
                steps_done=module.steps_done,
                history=self.history,
            ),
        )
        self._report(record, training.epochs)
        if is_finished(self.history, training.epochs, training.patience_epochs):
            trainer.should_stop = True
