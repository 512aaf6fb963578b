"""What a report says of trainings, from their histories."""

import dataclasses
import statistics

from models.evaluation.report.document import (
    Epoch,
    FusionFigures,
    GuessedField,
    Pretraining,
    Training,
)
from models.training.history import EpochRecord
from models.training.pretraining.result import PretrainingResult
from models.training.result import TrainingResult


def fusion_figures(kept: EpochRecord, step_ms: float) -> FusionFigures:
    """Return the figures of an epoch of a fusion model; a step of its grid lasts `step_ms`."""
    found = kept.diagnostics
    return FusionFigures(
        **dataclasses.asdict(found),
        gradient_norms=kept.gradient_norms,
        shift_ms=None if found.shift_steps is None else found.shift_steps * step_ms,
    )


def training_figures(result: TrainingResult, huber_weight: float) -> Training:
    """Return how a model was trained; `huber_weight` is that of the experiment file."""
    history = result.epochs
    return Training(
        parameters=result.parameters,
        seconds=result.seconds,
        samples_per_s=statistics.fmean(one.samples_per_s for one in history),
        wait_share=statistics.fmean(one.wait_share for one in history),
        kept_epoch=result.best.epoch,
        epochs=tuple(
            Epoch(
                epoch=one.epoch,
                train_huber=plain_huber(one, huber_weight),
                val_loss=one.val_loss,
                mean_r=one.mean_r,
                audio_share=one.diagnostics.audio_share,
                retrieval_at_1=one.diagnostics.retrieval_at_1,
            )
            for one in history
        ),
    )


def plain_huber(record: EpochRecord, weight: float) -> float:
    """Return Huber's loss in training without weights, in the units of `val_loss`.

    It is logged where label density or uncertainty weighting change the term; elsewhere it is the
    term over its `weight` in the experiment file.
    """
    if "huber_plain" in record.told:
        return record.told["huber_plain"]
    return record.terms["huber"] / weight


def pretraining_figures(result: PretrainingResult) -> Pretraining:
    """Return how the MIDI encoder guesses hidden notes in its best epoch."""
    best = result.best
    return Pretraining(
        best_epoch=best.epoch,
        epochs=len(result.epochs),
        parameters=result.parameters,
        seconds=result.seconds,
        val_loss=best.val_loss,
        fields={
            field: GuessedField(
                cross_entropy=best.val_cross_entropy[field],
                unigram_cross_entropy=unigram,
                beats_unigram=result.best.beats_unigram.get(field),
            )
            for field, unigram in best.unigram_cross_entropy.items()
        },
    )
