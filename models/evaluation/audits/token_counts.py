"""What tokens remember of a degradation: the damage before and after a round trip.

A model can only hear damage that its tokens carry. Each operation of a recipe strikes clean
performances alone; clean and damaged are encoded and decoded; and what the operation did to
each note is compared with what is left of it. Nothing is believed of an operation: it is
judged by what it changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from degradation.edits import apply_edits
from degradation.notes import SUSTAIN, TICKS_PER_S, NoteArray, Performance
from degradation.operation import NoteOperation
from degradation.recipe import Recipe
from degradation.seeds import stream
from models.evaluation.audits.documents import Aspect, OperationSurvival
from models.tokens.performance import depth_at
from models.tokens.tokeniser import Tokeniser

ASPECTS: tuple[Aspect, ...] = get_args(Aspect)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """How the notes changed in one aspect, and how their tokens did; traces can be added.

    `changed` notes changed, and of `seen` of those the tokens changed too. The rest are sums
    over all notes of true change², of decoded change², and of their product.
    """

    changed: int = 0
    seen: int = 0
    true_energy: float = 0.0
    seen_energy: float = 0.0
    overlap: float = 0.0

    def __add__(self, other: "Trace") -> "Trace":
        names = [each.name for each in fields(self)]
        return Trace(**{name: getattr(self, name) + getattr(other, name) for name in names})

    @property
    def seen_share(self) -> float | None:
        """Share of the changed notes whose tokens changed; None when no note changed."""
        return self.seen / self.changed if self.changed else None

    @property
    def survival(self) -> float | None:
        """Share of the true changes, 0 to 1, that the decoded ones explain; None without changes.

        It is R² through the origin, the squared cosine of the two: 1 when the decoded changes
        are the true ones or in proportion to them; 0 when nothing is seen, or what is seen has
        nothing to do with what happened. Changes that tokens make up (a note that rounds the
        other way) lower it, so it is not fooled where a ratio of spreads would be: a coarse
        grid turns a jitter of 10 ms into one of 16. The clean notes are at hand here, as they
        are not for a model: this is the most that a model could know.
        """
        if not self.true_energy:
            return None
        if not self.seen_energy:
            return 0.0
        return max(self.overlap, 0.0) ** 2 / (self.true_energy * self.seen_energy)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAudit:
    """One clean and one damaged performance: their notes, those without a row, and the traces."""

    notes: int
    notes_lost: int
    traces: Mapping[Aspect, Trace]


def _ticks(time_s: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(time_s * TICKS_PER_S).astype(np.int64)


def _aspects(notes: NoteArray, pedal: NDArray[np.uint8]) -> dict[Aspect, NDArray[np.int64]]:
    onset = _ticks(notes["onset_s"])
    return {
        "onset": onset,
        "duration": _ticks(notes["offset_s"]) - onset,
        "pitch": notes["pitch"].astype(np.int64),
        "velocity": notes["velocity"].astype(np.int64),
        "pedal": pedal.astype(np.int64),
    }


def _played(performance: Performance) -> dict[Aspect, NDArray[np.int64]]:
    notes = performance.notes
    return _aspects(notes, depth_at(performance.pedal, SUSTAIN, notes["onset_s"]))


def _remembered(performance: Performance, tokeniser: Tokeniser) -> dict[Aspect, NDArray[np.int64]]:
    tokens = tokeniser.encode(performance)
    has_pedal = "pedal_onset" in (tokeniser.dtype.names or ())
    pedal = tokens["pedal_onset"] if has_pedal else np.zeros(len(tokens), np.uint8)
    return _aspects(tokeniser.decode(tokens), pedal)


def notes_lost(performance: Performance, tokeniser: Tokeniser) -> int:
    """Return how many of the notes do not come back from a round trip; 0 is the contract."""
    decoded = tokeniser.decode(tokeniser.encode(performance))
    return max(len(performance.notes) - len(decoded), 0)


def _trace(true: NDArray[np.int64], seen: NDArray[np.int64]) -> Trace:
    return Trace(
        changed=int(np.sum(true != 0)),
        seen=int(np.sum((true != 0) & (seen != 0))),
        true_energy=float(np.sum(true.astype(np.float64) ** 2)),
        seen_energy=float(np.sum(seen.astype(np.float64) ** 2)),
        overlap=float(np.sum(true.astype(np.float64) * seen)),
    )


def audit_pair(clean: Performance, degraded: Performance, tokeniser: Tokeniser) -> PairAudit:
    """Compare what happened to each note, matched by id, with what its tokens say happened.

    A note that was missed or added is seen, as each note has a row of its own. Where a
    tokeniser drops notes, rows can't be told to notes: they are counted, and no trace is left.
    """
    pair = (clean, degraded)
    notes = sum(len(performance.notes) for performance in pair)
    lost = sum(notes_lost(performance, tokeniser) for performance in pair)
    if lost:
        return PairAudit(notes=notes, notes_lost=lost, traces=dict.fromkeys(ASPECTS, Trace()))
    _, before, after = np.intersect1d(
        clean.notes["note_id"], degraded.notes["note_id"], return_indices=True
    )
    was_played, is_played = (_played(performance) for performance in pair)
    was_seen, is_seen = (_remembered(performance, tokeniser) for performance in pair)
    come_or_gone = np.ones(notes - len(before) - len(after), dtype=np.int64)
    traces: dict[Aspect, Trace] = {"presence": _trace(come_or_gone, come_or_gone)}
    for aspect in was_played:
        traces[aspect] = _trace(
            is_played[aspect][after] - was_played[aspect][before],
            is_seen[aspect][after] - was_seen[aspect][before],
        )
    return PairAudit(notes=notes, notes_lost=0, traces=traces)


def audit_tokeniser(
    performances: Mapping[str, Performance], recipe: Recipe, tokeniser: Tokeniser, *, seed: int
) -> tuple[OperationSurvival, ...]:
    """Return a row for each operation on notes, by tier or factor, over all clean `performances`.

    Each operation strikes the clean notes alone. What it draws follows from `seed` and names,
    the keys of `performances` among them, so every tokeniser is shown the same damage.
    """
    rows = []
    for tier, operations in recipe.operations_alone.items():
        for operation in operations:
            audits = []
            for name, clean in performances.items():
                rng = stream(seed, recipe.name, tier, operation.operation, name)
                degraded = apply_edits(clean, operation.draw(clean, rng))
                audits.append(audit_pair(clean, degraded, tokeniser))
            rows.append(_row(tokeniser, tier, operation, audits))
    return tuple(rows)


def _row(
    tokeniser: Tokeniser, tier: str, operation: NoteOperation, audits: Sequence[PairAudit]
) -> OperationSurvival:
    total = {aspect: sum((audit.traces[aspect] for audit in audits), Trace()) for aspect in ASPECTS}
    most = max(ASPECTS, key=lambda aspect: total[aspect].changed)
    trace = total[most]
    strength, unit = operation.strength
    return OperationSurvival(
        tokeniser=tokeniser.name,
        tier=tier,
        operation=operation.operation,
        strength=strength,
        unit=unit,
        aspect=most if trace.changed else None,
        changed_notes=trace.changed,
        seen_share=trace.seen_share,
        survival=trace.survival,
        notes=sum(audit.notes for audit in audits),
        notes_lost=sum(audit.notes_lost for audit in audits),
    )
