"""What a report says of trainings, from their histories."""

import statistics

from models.evaluation.report.document import (
    Epoch,
    FusionFigures,
    GateFigures,
    GuessedField,
    Pretraining,
    Training,
)
from models.training.history import EpochRecord
from models.training.pretraining.history import PretrainingResult
from models.training.result import TrainingResult


def fusion_figures(kept: EpochRecord, step_ms: float) -> FusionFigures:
    """Return the figures of an epoch of a fusion model; a step of its grid lasts `step_ms`."""
    found = kept.diagnostics
    gate = None
    if found.gate_mean is not None and found.gate_spread is not None:
        gate = GateFigures(
            means=found.gate_mean,
            spreads=found.gate_spread,
            mean=statistics.fmean(found.gate_mean),
            between_channels=statistics.pstdev(found.gate_mean),
            within_channel=statistics.fmean(found.gate_spread),
        )
    return FusionFigures(
        audio_share=found.audio_share,
        gate=gate,
        attention_share=found.attention_share,
        attention_entropy=found.attention_entropy,
        gradient_norms=kept.gradient_norms,
        retrieval_at_1=found.retrieval_at_1,
        retrieval_clips=found.retrieval_clips,
        retrieval_chance=found.retrieval_chance,
        cka=found.cka,
        shift_steps=found.shift_steps,
        shift_ms=None if found.shift_steps is None else found.shift_steps * step_ms,
        shift_cka=found.shift_cka,
    )


def training_figures(result: TrainingResult, huber_weight: float) -> Training:
    """Return how a model was trained; `huber_weight` is that of the experiment file."""
    history = result.history
    return Training(
        parameters=result.parameters,
        checkpoint=result.checkpoint.name,
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
        epochs=len(result.history),
        parameters=result.parameters,
        checkpoint=result.checkpoint.name,
        seconds=result.seconds,
        val_loss=best.val_loss,
        fields={
            field: GuessedField(
                cross_entropy=best.val_cross_entropy[field],
                unigram_cross_entropy=unigram,
                beats_unigram=result.beats_unigram.get(field),
            )
            for field, unigram in best.unigram_cross_entropy.items()
        },
    )
