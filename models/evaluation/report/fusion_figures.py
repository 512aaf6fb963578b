"""What the kept epoch of a fusion model says of its two sides."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from models.training.history import EpochRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFigures:
    """A gate in three numbers, where 1 is audio: its channels' means have a mean and a spread.

    Spreads are standard deviations: `between_channels` is that of the channels' means,
    `within_channel` how much a channel opens and closes over steps, averaged over channels. A
    gate that is a constant has neither; one that picks channels once and for all has the first
    alone.
    """

    mean: float
    between_channels: float
    within_channel: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionFigures:
    """A fusion model in its kept epoch, on the validation split; None where there is none.

    Fields are those of `FusionDiagnostics` and `EpochRecord`; `shift_ms` is `shift_steps` in
    time.
    """

    audio_share: float | None
    gate: GateFigures | None
    attention_share: Mapping[str, float]
    attention_entropy: Mapping[str, float]
    gradient_norms: Mapping[str, float]
    retrieval_at_1: float | None
    retrieval_clips: int
    retrieval_chance: float | None
    cka: float | None
    shift_steps: int | None
    shift_ms: float | None
    shift_cka: float | None


def fusion_figures(kept: EpochRecord, step_ms: float) -> FusionFigures:
    """Return the figures of an epoch of a fusion model; a step of its grid lasts `step_ms`."""
    found = kept.diagnostics
    gate = None
    if found.gate_mean is not None and found.gate_spread is not None:
        gate = GateFigures(
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
