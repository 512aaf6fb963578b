"""Train one experiment, or go on with it where it was killed."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd

from degradation.errors import UserError
from models.config.experiment import ENCODES_NOTES, MODALITIES, Experiment, ExperimentConfig
from models.device import accelerator, has_bfloat16_lstm
from models.hearing.detector import load_detector
from models.inputs.feature_reader import ExampleParts, check_features
from models.inputs.stream import Targets, check_readers
from models.networks.network import GradingNetwork
from models.training.checkpoint import describe_model, load_pretrained
from models.training.epoch_keeper import Task
from models.training.grading import GradingModule
from models.training.history import EpochRecord
from models.training.identity import training_identity
from models.training.loop import run_training
from models.training.pretraining.result import load_pretraining
from models.training.record import TrainingData, read_record
from models.training.result import TrainingResult


def _targets(samples: pd.DataFrame, split: str) -> Targets:
    targets = Targets(samples, split)
    if not len(targets):
        found = ", ".join(sorted(samples["split"].unique())) or "no samples at all"
        raise UserError(
            f"no {split} samples to train with; expected train and validation, got {found}: "
            "choose more performances"
        )
    return targets


def train(
    experiment: Experiment,
    config: ExperimentConfig,
    parts: ExampleParts,
    samples: pd.DataFrame,
    out_dir: Path,
    *,
    pretrained_dir: Path | None,
    data: TrainingData,
    log: Callable[[str], None],
    on_epoch: Callable[[EpochRecord], None],
) -> TrainingResult:
    """Train `experiment` and return its result; files go to `out_dir`, progress to `log`.

    `samples` has one row a sample: `sample_id`, `split` and the eight dimensions. A MIDI
    encoder starts from the pretrained weights in `pretrained_dir`, or at random without one. A
    training that was killed goes on after its last whole epoch and ends, on a CPU with as many
    threads and workers, with the weights it would have had; one that is finished is returned as
    it is; what a training of another identity (see `training_identity`) left in `out_dir` is
    removed. Files: the best weights `EXPERIMENT-epoch=NN-val_loss=X.XXXX.pt` and `.json`, its
    record (see `ModelRecord`) with `data`, where parts and samples were read from; `resume.pt`,
    `history.json`.

    Runs on `training.devices` GPUs where there are some, else on as many CPU processes of
    `torch_threads` threads; several of them train by DDP. `on_epoch` is called after each
    epoch. Raises UserError without training or validation samples, for features of other settings,
    or pretrained weights of another encoder.
    """
    training = config.training
    train_targets, validation_targets = _targets(samples, "train"), _targets(samples, "validation")
    # Before anything is removed, and before other processes are started.
    check_features(parts, config, MODALITIES[experiment])
    check_readers(parts, train_targets, config, MODALITIES[experiment])
    start = pretrained_dir if experiment in ENCODES_NOTES else None
    pretraining = load_pretraining(start) if start else None
    detector = parts.detector if "audio" in MODALITIES[experiment] else None
    identity = training_identity(
        experiment, config, parts, samples, pretraining.identity if pretraining else None
    )

    def make_network() -> GradingNetwork:
        network = GradingNetwork(experiment, config)
        if start:
            load_pretrained(network.midi_encoder, start)
        if network.detector is not None and detector is not None:
            network.detector.load_state_dict(load_detector(detector).state_dict())
        return network

    def make_module(network: GradingNetwork) -> GradingModule:
        if training.precision == "bf16" and accelerator() == "cpu" and not has_bfloat16_lstm():
            log(f"{experiment}: this CPU has no LSTM in bfloat16; that part runs in float32")
        return GradingModule(network, config, parts, train_targets, validation_targets)

    task = Task(
        name=experiment,
        identity=identity,
        about=describe_model(
            experiment,
            config,
            identity=identity,
            data=data,
            pretraining=read_record(pretraining.checkpoint) if pretraining else None,
            detector=read_record(detector.checkpoint) if detector else None,
        ),
        out_dir=out_dir,
        record=EpochRecord,
        config=config,
        epochs=training.epochs,
        patience_epochs=training.patience_epochs,
        devices=training.devices,
        bf16=training.precision == "bf16",
    )
    result = partial(TrainingResult, experiment=experiment)
    return run_training(task, make_network, make_module, result, log, on_epoch)
