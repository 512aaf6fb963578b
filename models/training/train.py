"""Train one experiment, or go on with it where it was killed."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import lightning as L
import pandas as pd
import torch

from degradation.errors import UserError
from degradation.seeds import digest_int
from models.config.experiment import (
    EXPERIMENTS,
    MODALITIES,
    Experiment,
    ExperimentConfig,
    TrainingConfig,
)
from models.device import accelerator, has_bfloat16_lstm, torch_threads
from models.distributed import relayed
from models.duration import describe_duration
from models.inputs.feature_reader import ExampleParts, check_features
from models.inputs.stream import Targets, check_readers, examples_a_reader
from models.training.checkpoint import load_resume
from models.training.files import HISTORY_FILE, clear, find_best, write_json
from models.training.history import EpochRecord, is_finished, to_plain
from models.training.identity import Origin, training_identity
from models.training.lightning_quiet import QuietDDP, quiet_lightning
from models.training.module import ExampleLoaders, GradingModule
from models.training.pretraining.checkpoint import load_pretrained
from models.training.pretraining.result import load_pretraining
from models.training.progress import EpochKeeper
from models.training.result import TrainingResult


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
    write_json(
        out_dir / HISTORY_FILE,
        {
            "experiment": experiment,
            **asdict(origin),
            "checkpoint": result.checkpoint.name,
            "parameters": parameters,
            "epochs": [to_plain(record) for record in history],
        },
    )
    return result


def steps_an_epoch(samples: int, training: TrainingConfig) -> int:
    """Return the optimiser steps of an epoch, which every device takes."""
    readers = training.devices * max(1, training.loader_workers)
    if training.devices == 1:
        # Workers' last batches may be short: a step or two more, which the schedule can bear.
        return math.ceil(samples / training.batch_size)
    a_reader = examples_a_reader(samples, readers)
    return max(1, training.loader_workers) * math.ceil(a_reader / training.batch_size)


def _trainer(config: ExperimentConfig, epochs: int, keeper: EpochKeeper) -> L.Trainer:
    training = config.training
    alone = training.devices == 1
    return L.Trainer(
        accelerator=accelerator(),
        devices=training.devices,
        strategy="auto" if alone else QuietDDP(config.torch_threads),
        precision="bf16-mixed" if training.precision == "bf16" else "32-true",
        max_epochs=epochs,
        gradient_clip_val=training.gradient_norm_limit,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        callbacks=[keeper],
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


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
            train_scores=train_targets.scores,
            steps_in_all=training.epochs * steps_an_epoch(len(train_targets), training),
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
            module.losses.load_state_dict(state.loss_weights)
            log(f"{name}: goes on after epoch {len(history)}")
        elif start:
            load_pretrained(module.network.midi_encoder, start)
        log(
            f"{name}: {parameters:,} parameters, {len(train_targets):,} training and "
            f"{len(validation_targets):,} validation samples"
        )
        if training.precision == "bf16" and accelerator() == "cpu" and not has_bfloat16_lstm():
            log(f"{name}: this CPU has no LSTM in bfloat16; that part runs in float32")
        loaders = ExampleLoaders(
            name, config, parts, train_targets, validation_targets, len(history)
        )
        with relayed({"log": log, "epoch": on_epoch}, training.devices) as tell, quiet_lightning():
            keeper = EpochKeeper(name, origin, out_dir, history, len(train_targets), tell)
            trainer = _trainer(config, training.epochs - len(history), keeper)
            trainer.fit(module, datamodule=loaders)
    done = load_resume(out_dir, origin.identity)  # the keeper's own is in another process
    assert done is not None
    result = _finish(name, origin, out_dir, parameters, done.history)
    best = result.best
    log(
        f"{name}: done after {len(result.history)} epochs in {describe_duration(result.seconds)}; "
        f"best epoch {best.epoch}: val loss {best.val_loss:.4f}, r {best.mean_r:.3f}, "
        f"MAE {best.mean_mae:.2f}"
    )
    return result
