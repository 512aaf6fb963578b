"""The table of what happens inside fusion models."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

from models.evaluation.report.document import Report
from models.evaluation.report.formats import number
from models.training.history import EpochRecord


@dataclass(frozen=True, slots=True)
class FusionRow:
    """A figure of every fusion model: what it is, how to read it, and a cell a model."""

    label: str
    reading: str
    cells: tuple[str, ...]


Find = Callable[[EpochRecord], float | None]


def _of_gate(figure: Callable[[Sequence[float]], float], name: str) -> Find:
    """Return a figure of the values by channel, None of a fusion without a gate."""
    return lambda one: figure(known) if (known := getattr(one.diagnostics, name)) else None


def _of(name: str) -> Find:
    return lambda one: getattr(one.diagnostics, name)


def _in(name: str, key: str) -> Find:
    return lambda one: getattr(one.diagnostics, name).get(key)


MIDI_TO_AUDIO, AUDIO_TO_MIDI = "midi_to_audio", "audio_to_midi"
ENTROPY, SPREAD = "1: to all steps alike, 0: to one", "0: constant, whatever is played"

FUSION_FIGURES: tuple[tuple[str, str, Find], ...] = (
    ("audio's share of the norm", "0.5 is even", _of("audio_share")),
    ("gate: mean over channels", "1 is audio, 0 is MIDI", _of_gate(fmean, "gate_mean")),
    ("gate: spread between channels", "0: all channels alike", _of_gate(pstdev, "gate_mean")),
    ("gate: spread within a channel", SPREAD, _of_gate(fmean, "gate_spread")),
    (
        "cross-attention: MIDI's part of an audio step",
        "share of its norm",
        _in("attention_share", AUDIO_TO_MIDI),
    ),
    (
        "cross-attention: audio's part of a MIDI step",
        "share of its norm",
        _in("attention_share", MIDI_TO_AUDIO),
    ),
    ("entropy: audio attends to MIDI", ENTROPY, _in("attention_entropy", AUDIO_TO_MIDI)),
    ("entropy: MIDI attends to audio", ENTROPY, _in("attention_entropy", MIDI_TO_AUDIO)),
    (
        "entropy: pooling over time",
        "1: a plain mean of the clip",
        _in("attention_entropy", "pooling"),
    ),
    (
        "gradient norm of the audio side",
        "before clipping",
        lambda one: one.gradient_norms.get("audio"),
    ),
    (
        "gradient norm of the MIDI side",
        "far below the other: that side hardly learns",
        lambda one: one.gradient_norms.get("midi"),
    ),
    (
        "clips matched across modalities",
        "how often the nearest clip of the other modality is the same clip",
        _of("retrieval_at_1"),
    ),
    ("the same by chance", "one in the clips searched", _of("retrieval_chance")),
    ("likeness of audio and MIDI steps (CKA)", "1: alike, 0: unrelated", _of("cka")),
    ("CKA at the best shift", "near 0: the shift below means nothing", _of("shift_cka")),
    ("audio is late by, in steps", "the shift of greatest likeness", _of("shift_steps")),
)


def fusion_rows(report: Report) -> list[FusionRow]:
    """Return the figures of fusion models that at least one of them has."""
    rows = []
    for label, reading, find in FUSION_FIGURES:
        found = [find(one.training.best) for one in report.fusions]
        if any(value is not None for value in found):
            digits = 0 if label.endswith("in steps") else 3
            rows.append(FusionRow(label, reading, tuple(number(one, digits) for one in found)))
    return rows
