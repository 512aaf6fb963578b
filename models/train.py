"""Train one experiment, or go on with it where it was killed."""

import logging
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import lightning as L
import pandas as pd
import torch

from degradation.errors import UserError
from degradation.seeds import digest_int
from models.checkpoint import HISTORY_FILE, clear, find_best, load_resume, write_json
from models.config import EXPERIMENTS, Experiment, ExperimentConfig
from models.dataset import Targets
from models.history import EpochRecord, best_epoch, is_finished
from models.identity import Origin, training_identity
from models.lightning_module import ExampleLoaders, GradingModule, total_steps
from models.parts import ExampleParts, check_mel
from models.progress import EpochKeeper, describe_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """A finished training: what it came from, its best checkpoint, its size and every epoch."""

    experiment: Experiment
    origin: Origin
    checkpoint: Path
    parameters: int
    history: tuple[EpochRecord, ...]

    @property
    def best(self) -> EpochRecord:
        """The epoch whose weights were kept."""
        return best_epoch(self.history)

    @property
    def seconds(self) -> float:
        """Time spent in all epochs, those before an interruption included."""
        return sum(record.seconds for record in self.history)


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Keep Lightning's banners, tips and advice from the reader; errors still pass."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\..*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use `count` threads, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _known(experiment: str) -> Experiment:
    for known in EXPERIMENTS:
        if experiment == known:
            return known
    raise UserError(f"unknown experiment {experiment}; expected one of {', '.join(EXPERIMENTS)}")


def _targets(samples: pd.DataFrame, split: str) -> Targets:
    targets = Targets(samples, split)
    if not len(targets):
        found = ", ".join(sorted(samples["split"].unique())) or "no samples at all"
        raise UserError(
            f"no {split} samples to train with; expected train and validation, got {found}: "
            "choose more performances"
        )
    return targets


def _finish(
    experiment: Experiment,
    origin: Origin,
    out_dir: Path,
    parameters: int,
    history: tuple[EpochRecord, ...],
) -> TrainingResult:
    result = TrainingResult(
        experiment=experiment,
        origin=origin,
        checkpoint=find_best(out_dir),
        parameters=parameters,
        history=history,
    )
    epochs = [asdict(record) for record in history]
    for epoch in epochs:  # JSON has no nan
        epoch["val_r"] = None if math.isnan(epoch["val_r"]) else epoch["val_r"]
    write_json(
        out_dir / HISTORY_FILE,
        {
            "experiment": experiment,
            **asdict(origin),
            "checkpoint": result.checkpoint.name,
            "parameters": parameters,
            "epochs": epochs,
        },
    )
    return result


def train(
    experiment: str,
    config: ExperimentConfig,
    parts: ExampleParts,
    samples: pd.DataFrame,
    out_dir: Path,
    *,
    table_versions: Mapping[str, int],
    log: Callable[[str], None],
) -> TrainingResult:
    """Train `experiment` and return its result; files go to `out_dir`, progress to `log`.

    `samples` has one row a sample: `sample_id`, `split` and the eight dimensions. A
    training that was killed goes on after its last whole epoch and ends, on a CPU with as many
    threads and workers, with the weights it would have had; one that is finished is returned as
    it is; what a training of another identity (see `training_identity`) left in `out_dir` is
    removed. Files: the best weights `EXPERIMENT-epoch=NN-val_loss=X.XXXX.pt` and `.json`,
    `resume.pt`, `history.json`; both JSON files keep the identity and `table_versions`, the
    versions of the tables that parts and samples were read from, by name.

    Runs on a GPU (bfloat16 where CUDA is) when there is one, else on `torch_threads` CPU threads.
    Raises UserError for an unknown experiment, without training or validation samples, or for
    features of other mel settings.
    """
    name = _known(experiment)
    training = config.training
    train_targets, validation_targets = _targets(samples, "train"), _targets(samples, "validation")
    check_mel(parts, config)  # before anything is removed
    origin = Origin(
        identity=training_identity(name, config, parts, samples), table_versions=table_versions
    )
    out_dir.mkdir(parents=True, exist_ok=True)
    state = load_resume(out_dir, origin.identity)
    if state is None:
        clear(out_dir)
    history = state.history if state else ()
    with torch_threads(config.torch_threads), torch.random.fork_rng():
        # Layers draw their first weights from torch's global generator and take no other.
        torch.manual_seed(digest_int(str(config.seed), "weights", name) % 2**63)
        module = GradingModule(
            name,
            config,
            steps_in_all=total_steps(len(train_targets), training),
            first_epoch=len(history),
            steps_done=state.steps_done if state else 0,
            optimizer_state=state.optimizer if state else None,
        )
        parameters = sum(weight.numel() for weight in module.network.parameters())
        if is_finished(history, training.epochs, training.patience_epochs):
            log(f"{name}: was trained before, on the same data with the same settings")
            return _finish(name, origin, out_dir, parameters, history)
        if state:
            module.network.load_state_dict(state.weights)
            log(f"{name}: goes on after epoch {len(history)}")
        log(
            f"{name}: {parameters:,} parameters, {len(train_targets):,} training and "
            f"{len(validation_targets):,} validation samples"
        )
        keeper = EpochKeeper(name, origin, out_dir, history, len(train_targets), log)
        with quiet_lightning():
            trainer = L.Trainer(
                accelerator="auto",
                devices=1,
                precision="bf16-mixed" if torch.cuda.is_available() else "32-true",
                max_epochs=training.epochs - len(history),
                gradient_clip_val=training.gradient_norm_limit,
                reload_dataloaders_every_n_epochs=1,
                callbacks=[keeper],
                num_sanity_val_steps=0,
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
            )
            loaders = ExampleLoaders(
                name, config, parts, train_targets, validation_targets, len(history)
            )
            trainer.fit(module, datamodule=loaders)
    result = _finish(name, origin, out_dir, parameters, keeper.history)
    best = result.best
    log(
        f"{name}: done after {len(result.history)} epochs in {describe_duration(result.seconds)}; "
        f"best epoch {best.epoch}: val loss {best.val_loss:.4f}, r {best.val_r:.3f}, "
        f"MAE {best.val_mae:.2f}"
    )
    return result
