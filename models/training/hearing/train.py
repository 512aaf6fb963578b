"""Pretrain the note detector on a recipe's shards, or go on with it where it was killed."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from degradation.errors import UserError
from models.config.experiment import ExperimentConfig
from models.device import accelerator
from models.hearing.detector import NoteDetector
from models.training.checkpoint import describe_training
from models.training.epoch_keeper import Task
from models.training.hearing.clips import ClipTable
from models.training.hearing.module import HearingModule
from models.training.hearing.result import (
    NAME,
    HearingEpoch,
    HearingResult,
    hearing_identity,
)
from models.training.loop import run_training
from models.training.record import TrainingData


def pretrain_hearing(
    config: ExperimentConfig,
    source: ClipTable,
    out_dir: Path,
    *,
    data: TrainingData,
    log: Callable[[str], None],
    on_epoch: Callable[[HearingEpoch], None],
) -> HearingResult:
    """Train the detector on the train split of `source` and return its result.

    One that is finished is returned as it is, also where `source` has other clips by now.

    Files, resuming and devices are as in `models.training.train`. Raises UserError when the
    configuration has no hearing, or a split has no clip.
    """
    hearing = config.hearing
    if hearing is None:
        raise UserError(
            f"the experiment's hearing is null; expected its settings: write them, or leave {NAME} "
            "alone"
        )
    identity = hearing_identity(config)

    def make_module(network: NoteDetector) -> HearingModule:
        for split in ("train", "validation"):
            if not source.places(split):
                raise UserError(
                    f"no {split} clip to hear with; expected train and validation: choose more "
                    "performances"
                )
        return HearingModule(network, config, source)

    task = Task(
        name=NAME,
        identity=identity,
        about=describe_training(NAME, config, identity, data),
        out_dir=out_dir,
        record=HearingEpoch,
        config=config,
        epochs=hearing.epochs,
        patience_epochs=hearing.epochs,
        devices=1,
        bf16=accelerator() == "cuda" and config.training.precision == "bf16",
    )
    make_result = partial(HearingResult, detector=hearing.detector)
    return run_training(
        task, lambda: NoteDetector(hearing.detector), make_module, make_result, log, on_epoch
    )
