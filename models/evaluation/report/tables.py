"""Tables that the page shows in another shape than the report has them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import Any

from models.evaluation.audits.documents import OperationSurvival, TokenAudit
from models.evaluation.counterfactuals.counterfactual import Counterfactual, Response
from models.evaluation.report.document import Report
from models.evaluation.report.formats import number, plain
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


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One operation of a tier, and the audit's row of it for each tokeniser by name."""

    tier: str
    operation: str
    strength: str
    aspect: str
    changed_notes: int
    by_tokeniser: Mapping[str, OperationSurvival]


def token_rows(audit: TokenAudit) -> list[TokenRow]:
    """Return the audit with its tokenisers side by side, in its order.

    Each tokeniser was given the same damage; one that loses notes cannot say what changed.
    """
    together: dict[tuple[str, str], dict[str, OperationSurvival]] = {}
    for row in audit.operations:
        together.setdefault((row.tier, row.operation), {})[row.tokeniser] = row
    return [
        TokenRow(
            tier=tier,
            operation=operation,
            strength=f"{row.strength:g} {row.unit}",
            aspect=row.aspect or "nothing",
            changed_notes=row.changed_notes,
            by_tokeniser=rows,
        )
        for (tier, operation), rows in together.items()
        for row in [max(rows.values(), key=lambda row: row.changed_notes)]
    ]


def counterfactual_tables(found: Counterfactual) -> dict[str, Any]:
    """Return what each factor changes in each dimension, and the fusion figures by column heading.

    `largest_change` is the scale of the colours of all tables of `changes`, at least 1 point.
    """
    responses: list[tuple[str, Response]] = [("labels", found.labels), *found.models.items()]
    changes = {name: one.factor_effects.change for name, one in responses}
    known = [abs(value) for table in changes.values() for row in table for value in row]
    return {
        "changes": changes,
        "largest_change": max([1, *(value for value in known if not math.isnan(value))]),
        "reliance": {
            f"{name}, {plain(figure)}": values
            for name, one in found.models.items()
            for figure, values in one.modality_reliance.items()
        },
    }
