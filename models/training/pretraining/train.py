"""Pretrain the MIDI encoder on masked notes, or go on with it where it was killed."""

import math
from collections.abc import Callable
from pathlib import Path

from degradation.errors import UserError
from models.config.experiment import ExperimentConfig
from models.device import accelerator
from models.duration import describe_duration
from models.networks.midi_encoder import NoteEncoder
from models.tokens.tokenisers import TOKENISERS
from models.training.epoch_keeper import Keeping
from models.training.loop import Task, Work, run_training
from models.training.pretraining.baseline import Survey, survey
from models.training.pretraining.history import PretrainingEpoch, PretrainingResult
from models.training.pretraining.module import MaskedNoteModel, PretrainingModule, WindowLoaders
from models.training.pretraining.result import (
    NAME,
    pretraining_identity,
    token_version,
    write_pretraining,
)
from models.training.pretraining.source import PerformanceSource


def pretrain(
    config: ExperimentConfig,
    source: PerformanceSource,
    out_dir: Path,
    *,
    data_version: str,
    log: Callable[[str], None],
    on_epoch: Callable[[PretrainingEpoch], None],
) -> PretrainingResult:
    """Pretrain the configured MIDI encoder; files go to `out_dir`, progress to `log`.

    Each note's fields are guessed from the notes around it (MidiBERT, Chou et al. 2021): see
    `masking`. `data_version` names what `source` gives. A pretraining that
    was killed goes on after its last whole epoch and ends, on a CPU with as many threads, with
    the weights it would have had; a finished one is returned as it is; what one of another
    identity (see `pretraining_identity`) left in `out_dir` is removed. Files: the encoder's best
    weights `midi_pretrain-epoch=NN-val_loss=X.XXXX.pt` and `.json`, `resume.pt`, `history.json`.

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

    def network() -> MaskedNoteModel:
        encoder = NoteEncoder(config.grid_rate_hz, config.midi_encoder)
        return MaskedNoteModel(encoder, TOKENISERS[config.midi_encoder.tokens].vocabulary)

    def prepare() -> Work[PretrainingEpoch]:
        found = survey(source, config)
        _check(found)
        batches = math.ceil(found.train_windows / pretraining.batch_size)
        return Work(
            described=(
                f"{found.train_windows:,} windows with {found.train_notes:,} notes, "
                f"{found.validation_notes_guessed:,} to guess in validation"
            ),
            module=lambda network, state: PretrainingModule(
                network, config, found, steps_in_all=pretraining.epochs * batches, state=state
            ),
            loaders=lambda first_epoch: WindowLoaders(source, config, first_epoch),
        )

    trained = run_training(
        Task(
            keeping=Keeping(
                name=NAME,
                identity=identity,
                about={
                    "identity": identity,
                    "data_version": data_version,
                    "tokens_version": token_version(config.midi_encoder),
                    "midi_encoder": config.midi_encoder.model_dump(mode="json"),
                },
                out_dir=out_dir,
                epochs=pretraining.epochs,
                patience_epochs=pretraining.epochs,
                progress_every_s=config.training.progress_every_s,
            ),
            record=PretrainingEpoch,
            seed=config.seed,
            torch_threads=config.torch_threads,
            devices=1,
            bf16=accelerator() == "cuda" and config.training.precision == "bf16",
            network=network,
            prepare=prepare,
        ),
        log,
        on_epoch,
    )
    result = PretrainingResult(
        identity=identity,
        checkpoint=trained.checkpoint,
        parameters=trained.parameters,
        history=trained.history,
    )
    write_pretraining(out_dir, result, data_version)
    if trained.is_new:
        best, beaten = result.best, result.beats_unigram
        log(
            f"{NAME}: done after {len(result.history)} epochs in "
            f"{describe_duration(result.seconds)}; best epoch {best.epoch}: "
            f"val loss {best.val_loss:.4f}, better than the unigram baseline in "
            f"{sum(beaten.values())} of {len(beaten)} fields"
        )
    return result


def _check(found: Survey) -> None:
    """Raise UserError when there is nothing to learn from, or to judge by."""
    counts = {"train": found.train_notes, "validation": found.validation_notes_guessed}
    for split, notes in counts.items():
        if not notes:
            raise UserError(
                f"no {split} performance has a note to pretrain with; expected train and "
                "validation: choose more performances"
            )
