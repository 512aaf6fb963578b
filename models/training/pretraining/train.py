"""Pretrain the MIDI encoder on masked notes, or go on with it where it was killed."""

from collections.abc import Callable
from pathlib import Path

from degradation.errors import UserError
from models.config.experiment import ExperimentConfig
from models.device import accelerator
from models.networks.midi_encoder import NoteEncoder
from models.tokens.tokenisers import TOKENISERS
from models.training.checkpoint import describe_training
from models.training.epoch_keeper import Task
from models.training.loop import run_training
from models.training.pretraining.baseline import Survey, survey
from models.training.pretraining.module import MaskedNoteModel, PretrainingModule
from models.training.pretraining.result import (
    NAME,
    PretrainingEpoch,
    PretrainingResult,
    pretraining_identity,
    token_version,
)
from models.training.pretraining.source import PerformanceSource
from models.training.record import TrainingData


def pretrain(
    config: ExperimentConfig,
    source: PerformanceSource,
    out_dir: Path,
    *,
    data_version: str,
    data: TrainingData,
    log: Callable[[str], None],
    on_epoch: Callable[[PretrainingEpoch], None],
) -> PretrainingResult:
    """Pretrain the configured MIDI encoder; files go to `out_dir`, progress to `log`.

    Each note's fields are guessed from the notes around it (MidiBERT, Chou et al. 2021): see
    `masking`. `data_version` names what `source` gives, `data` says where it was read. A
    pretraining that was killed goes on after its last whole epoch and ends, on a CPU with as many
    threads, with the weights it would have had; a finished one is returned as it is; what one of
    another identity (see `pretraining_identity`) left in `out_dir` is removed. Files: the encoder's
    best weights `midi_pretrain-epoch=NN-val_loss=X.XXXX.pt` and their record `.json`, `resume.pt`,
    `history.json`.

    Runs on one GPU when there is one, else on `torch_threads` CPU threads. `on_epoch` is called
    after each epoch. Raises UserError when the configuration has no pretraining, or a split has
    no note.
    """
    pretraining = config.pretraining
    if pretraining is None:
        raise UserError(
            "the experiment's pretraining is null; expected its settings: write them, or leave "
            f"{NAME} alone"
        )
    identity = pretraining_identity(config, data_version)

    def make_network() -> MaskedNoteModel:
        encoder = NoteEncoder(config.grid_rate_hz, config.midi_encoder)
        return MaskedNoteModel(encoder, TOKENISERS[config.midi_encoder.tokens].vocabulary)

    def make_module(network: MaskedNoteModel) -> PretrainingModule:
        found = survey(source, config)
        _check(found)
        return PretrainingModule(network, config, source, found)

    task = Task(
        name=NAME,
        identity=identity,
        about={
            **describe_training(NAME, config, identity, data),
            "data_version": data_version,
            "tokens_version": token_version(config.midi_encoder),
            "midi_encoder": config.midi_encoder.model_dump(mode="json"),
        },
        out_dir=out_dir,
        record=PretrainingEpoch,
        config=config,
        epochs=pretraining.epochs,
        patience_epochs=pretraining.epochs,
        devices=1,
        bf16=accelerator() == "cuda" and config.training.precision == "bf16",
    )
    return run_training(task, make_network, make_module, PretrainingResult, log, on_epoch)


def _check(found: Survey) -> None:
    """Raise UserError when there is nothing to learn from, or to judge by."""
    counts = {"train": found.train_notes, "validation": found.validation_notes_guessed}
    for split, notes in counts.items():
        if not notes:
            raise UserError(
                f"no {split} performance has a note to pretrain with; expected train and "
                "validation: choose more performances"
            )
