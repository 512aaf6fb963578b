"""Train one experiment, or go on with it where it was killed."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import lightning as L
import pandas as pd
from torch.utils.data import DataLoader

from degradation.errors import UserError
from models.config.experiment import (
    EXPERIMENTS,
    MODALITIES,
    Experiment,
    ExperimentConfig,
    TrainingConfig,
)
from models.device import accelerator, has_bfloat16_lstm
from models.duration import describe_duration
from models.inputs.batch import Batch
from models.inputs.feature_reader import ExampleParts, check_features
from models.inputs.stream import Targets, check_readers, examples_a_reader, load_batches
from models.networks.network import GradingNetwork
from models.training.checkpoint import describe_model
from models.training.epoch_keeper import Keeping
from models.training.grading import GradingModule
from models.training.history import EpochRecord
from models.training.identity import Origin, training_identity
from models.training.loop import Task, Work, run_training
from models.training.pretraining.encoder import load_pretrained
from models.training.pretraining.result import load_pretraining
from models.training.result import TrainingResult, write_result


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


def steps_an_epoch(samples: int, training: TrainingConfig) -> int:
    """Return the optimiser steps of an epoch, which every device takes."""
    readers = training.devices * max(1, training.loader_workers)
    if training.devices == 1:
        # Workers' last batches may be short: a step or two more, which the schedule can bear.
        return math.ceil(samples / training.batch_size)
    a_reader = examples_a_reader(samples, readers)
    return max(1, training.loader_workers) * math.ceil(a_reader / training.batch_size)


def train(
    experiment: str,
    config: ExperimentConfig,
    parts: ExampleParts,
    samples: pd.DataFrame,
    out_dir: Path,
    *,
    pretrained_dir: Path | None,
    table_versions: Mapping[str, int],
    log: Callable[[str], None],
    on_epoch: Callable[[EpochRecord], None],
) -> TrainingResult:
    """Train `experiment` and return its result; files go to `out_dir`, progress to `log`.

    `samples` has one row a sample: `sample_id`, `split` and the eight dimensions. A MIDI
    encoder starts from the pretrained weights in `pretrained_dir`, or at random without one. A
    training that was killed goes on after its last whole epoch and ends, on a CPU with as many
    threads and workers, with the weights it would have had; one that is finished is returned as
    it is; what a training of another identity (see `training_identity`) left in `out_dir` is
    removed. Files: the best weights `EXPERIMENT-epoch=NN-val_loss=X.XXXX.pt` and `.json`,
    `resume.pt`, `history.json`; both JSON files keep the identity and `table_versions`, the
    versions of the tables that parts and samples were read from, by name.

    Runs on `training.devices` GPUs where there are some, else on as many CPU processes of
    `torch_threads` threads; several of them train by DDP. `on_epoch` is called after each
    epoch. Raises UserError for an unknown experiment, without training or validation samples, for
    features of other settings, or pretrained weights of another encoder.
    """
    name = _known(experiment)
    training = config.training
    train_targets, validation_targets = _targets(samples, "train"), _targets(samples, "validation")
    # Before anything is removed, and before other processes are started.
    check_features(parts, config, MODALITIES[name])
    check_readers(parts, train_targets, config, MODALITIES[name])
    start = pretrained_dir if "midi" in MODALITIES[name] else None
    origin = Origin(
        identity=training_identity(
            name,
            config,
            parts,
            samples,
            load_pretraining(start).identity if start else None,
        ),
        table_versions=table_versions,
    )

    def network() -> GradingNetwork:
        network = GradingNetwork(name, config)
        if start:
            load_pretrained(network.midi_encoder, start)
        return network

    def prepare() -> Work[EpochRecord]:
        if training.precision == "bf16" and accelerator() == "cpu" and not has_bfloat16_lstm():
            log(f"{name}: this CPU has no LSTM in bfloat16; that part runs in float32")
        return Work(
            described=(
                f"{len(train_targets):,} training and {len(validation_targets):,} validation "
                "samples"
            ),
            module=lambda network, state: GradingModule(
                network,
                config,
                train_targets.scores,
                steps_in_all=training.epochs * steps_an_epoch(len(train_targets), training),
                state=state,
            ),
            loaders=lambda first_epoch: ExampleLoaders(
                name, config, parts, train_targets, validation_targets, first_epoch
            ),
        )

    trained = run_training(
        Task(
            keeping=Keeping(
                name=name,
                identity=origin.identity,
                about=describe_model(name, origin, config),
                out_dir=out_dir,
                epochs=training.epochs,
                patience_epochs=training.patience_epochs,
                progress_every_s=training.progress_every_s,
            ),
            record=EpochRecord,
            seed=config.seed,
            torch_threads=config.torch_threads,
            devices=training.devices,
            bf16=training.precision == "bf16",
            network=network,
            prepare=prepare,
        ),
        log,
        on_epoch,
    )
    result = TrainingResult(
        experiment=name,
        origin=origin,
        checkpoint=trained.checkpoint,
        parameters=trained.parameters,
        history=trained.history,
    )
    write_result(out_dir, result)
    if trained.is_new:
        best = result.best
        log(
            f"{name}: done after {len(result.history)} epochs in "
            f"{describe_duration(result.seconds)}; best epoch {best.epoch}: "
            f"val loss {best.val_loss:.4f}, r {best.mean_r:.3f}, MAE {best.mean_mae:.2f}"
        )
    return result


class ExampleLoaders(L.LightningDataModule):
    """The loaders of one training; a new one each epoch, whose order follows from its number."""

    def __init__(
        self,
        experiment: Experiment,
        config: ExperimentConfig,
        parts: ExampleParts,
        train: Targets,
        validation: Targets,
        first_epoch: int,
    ) -> None:
        super().__init__()
        self._modalities = MODALITIES[experiment]
        self._config, self._parts = config, parts
        self._train, self._validation = train, validation
        self._first_epoch = first_epoch

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return the training split, shuffled for the epoch at hand."""
        assert self.trainer is not None
        epoch = self._first_epoch + int(self.trainer.current_epoch)
        return load_batches(self._parts, self._train, self._config, self._modalities, epoch)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Return the validation split, in stored order."""
        return load_batches(self._parts, self._validation, self._config, self._modalities, None)
