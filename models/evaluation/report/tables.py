"""Tables that the page shows in another shape than the report has them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from models.evaluation.audits.documents import OperationSurvival, TokenAudit
from models.evaluation.report.document import FusionFigures, Report
from models.evaluation.report.formats import number, signed


@dataclass(frozen=True, slots=True)
class FusionRow:
    """A figure of every fusion model: what it is, how to read it, and a cell a model."""

    label: str
    reading: str
    cells: tuple[str, ...]


Find = Callable[[FusionFigures], float | None]

FUSION_FIGURES: tuple[tuple[str, str, Find], ...] = (
    ("audio's share of the norm", "0.5 is even", lambda one: one.audio_share),
    (
        "gate: mean over channels",
        "1 is audio, 0 is MIDI",
        lambda one: one.gate.mean if one.gate else None,
    ),
    (
        "gate: spread between channels",
        "0: all channels alike",
        lambda one: one.gate.between_channels if one.gate else None,
    ),
    (
        "gate: spread within a channel",
        "0: constant, whatever is played",
        lambda one: one.gate.within_channel if one.gate else None,
    ),
    (
        "cross-attention: MIDI's part of an audio step",
        "share of its norm",
        lambda one: one.attention_share.get("audio_to_midi"),
    ),
    (
        "cross-attention: audio's part of a MIDI step",
        "share of its norm",
        lambda one: one.attention_share.get("midi_to_audio"),
    ),
    (
        "entropy: audio attends to MIDI",
        "1: to all steps alike, 0: to one",
        lambda one: one.attention_entropy.get("audio_to_midi"),
    ),
    (
        "entropy: MIDI attends to audio",
        "1: to all steps alike, 0: to one",
        lambda one: one.attention_entropy.get("midi_to_audio"),
    ),
    (
        "entropy: pooling over time",
        "1: a plain mean of the clip",
        lambda one: one.attention_entropy.get("pooling"),
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
        lambda one: one.retrieval_at_1,
    ),
    ("the same by chance", "one in the clips searched", lambda one: one.retrieval_chance),
    ("likeness of audio and MIDI steps (CKA)", "1: alike, 0: unrelated", lambda one: one.cka),
    ("CKA at the best shift", "near 0: the shift below means nothing", lambda one: one.shift_cka),
)


def fusion_rows(report: Report) -> list[FusionRow]:
    """Return the figures of fusion models that at least one of them has."""
    models = [one.fusion for one in report.models if one.fusion]
    rows = []
    for label, reading, find in FUSION_FIGURES:
        found = [find(one) for one in models]
        if any(value is not None for value in found):
            rows.append(FusionRow(label, reading, tuple(map(number, found))))
    shifts = [one.shift_ms for one in models]
    if any(shift is not None for shift in shifts):
        cells = tuple("–" if one is None else signed(one, 0) for one in shifts)
        rows.append(FusionRow("audio is late by, in ms", "the shift of greatest likeness", cells))
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
