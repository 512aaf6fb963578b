"""Tables that the page shows in another shape than `report.json` has them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.evaluation.report.formats import number, signed

Content = Mapping[str, Any]
"""A part of `report.json`."""


@dataclass(frozen=True, slots=True)
class FusionRow:
    """A figure of every fusion model: what it is, how to read it, and a cell a model."""

    label: str
    reading: str
    cells: tuple[str, ...]


def _shift(figure: str) -> Callable[[Content], str | None]:
    return lambda fusion: None if fusion[figure] is None else signed(fusion[figure], 0)


def _gate(figure: str) -> Callable[[Content], Any]:
    return lambda fusion: fusion["gate"] and fusion["gate"][figure]


def _of(group: str, name: str) -> Callable[[Content], Any]:
    return lambda fusion: fusion[group].get(name)


def _whole(figure: str) -> Callable[[Content], Any]:
    return lambda fusion: fusion[figure]


FUSION_FIGURES: tuple[tuple[str, str, Callable[[Content], Any]], ...] = (
    ("audio's share of the norm", "0.5 is even", _whole("audio_share")),
    ("gate: mean over channels", "1 is audio, 0 is MIDI", _gate("mean")),
    ("gate: spread between channels", "0: all channels alike", _gate("between_channels")),
    ("gate: spread within a channel", "0: fixed, whatever is played", _gate("within_channel")),
    (
        "attention: audio's share from MIDI",
        "part of an audio step's norm that it took from MIDI",
        _of("attention_share", "audio_to_midi"),
    ),
    (
        "attention: MIDI's share from audio",
        "part of a MIDI step's norm that it took from audio",
        _of("attention_share", "midi_to_audio"),
    ),
    (
        "attention entropy, audio asks MIDI",
        "1: looks everywhere alike, 0: at one step",
        _of("attention_entropy", "audio_to_midi"),
    ),
    (
        "attention entropy, MIDI asks audio",
        "1: looks everywhere alike, 0: at one step",
        _of("attention_entropy", "midi_to_audio"),
    ),
    (
        "attention entropy, pooling over time",
        "1: a plain mean of the clip",
        _of("attention_entropy", "pooling"),
    ),
    (
        "gradient norm, audio side",
        "how hard training pulls, before clipping",
        _of("gradient_norms", "audio"),
    ),
    (
        "gradient norm, MIDI side",
        "far below the other: that side hardly learns",
        _of("gradient_norms", "midi"),
    ),
    (
        "retrieval@1",
        "how often the nearest clip of the other modality is the clip itself",
        _whole("retrieval_at_1"),
    ),
    ("retrieval@1 by chance", "one in as many clips as were searched", _whole("retrieval_chance")),
    ("CKA of audio and MIDI steps", "1: alike but for a rotation, 0: unrelated", _whole("cka")),
    (
        "audio is late by, in steps",
        "the shift at which both are most alike; below 0: early",
        _shift("shift_steps"),
    ),
    ("audio is late by, in ms", "the same in time", _shift("shift_ms")),
    ("CKA at that shift", "near 0: no shift to speak of", _whole("shift_cka")),
)
"""Every figure of a fusion model: what it is, how to read it, and where it is."""


def fusion_rows(experiments: Sequence[Content]) -> list[FusionRow]:
    """Return the figures of fusion models that at least one of them has."""
    rows = []
    for label, reading, find in FUSION_FIGURES:
        found = [find(experiment["fusion"]) for experiment in experiments]
        if any(value is not None for value in found):
            cells = tuple(value if isinstance(value, str) else number(value) for value in found)
            rows.append(FusionRow(label, reading, cells))
    return rows


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One operation of a tier, and the audit's row of it for each tokeniser by name."""

    tier: str
    operation: str
    strength: str
    aspect: str
    changed_notes: int
    by_tokeniser: Mapping[str, Content]


def token_rows(audit: Sequence[Content]) -> list[TokenRow]:
    """Return the audit with its tokenisers side by side, in its order.

    Each tokeniser was shown the same damage; one that loses notes cannot tell what changed.
    """
    together: dict[tuple[str, str], dict[str, Content]] = {}
    for row in audit:
        together.setdefault((row["tier"], row["operation"]), {})[row["tokeniser"]] = row
    return [
        TokenRow(
            tier=tier,
            operation=operation,
            strength=f"{row['strength']:g} {row['unit']}",
            aspect=row["aspect"] or "nothing",
            changed_notes=row["changed_notes"],
            by_tokeniser=rows,
        )
        for (tier, operation), rows in together.items()
        for row in [max(rows.values(), key=lambda row: int(row["changed_notes"]))]
    ]


def notes_lost(audit: Sequence[Content]) -> dict[str, int]:
    """Return how many notes each tokeniser has no token for, over all rows."""
    lost: dict[str, int] = {}
    for row in audit:
        lost[row["tokeniser"]] = lost.get(row["tokeniser"], 0) + row["notes_lost"]
    return lost


def diagonal_mean(table: Sequence[Sequence[float | None]]) -> float | None:
    """Return the mean of each factor's figure in its own dimension; None where one is missing."""
    own = [row[place] for place, row in enumerate(table)]
    known = [value for value in own if value is not None]
    return sum(known) / len(known) if len(known) == len(own) else None


def leanings(report: Content) -> list[tuple[str, str, Content]]:
    """Return each fusion model's name, figure (a share or a gate) and how it leans."""
    found = report["counterfactual"]
    return [
        (name, figure, one)
        for name, model in (found["models"] if found else {}).items()
        for figure, one in model["modality_reliance"].items()
    ]
