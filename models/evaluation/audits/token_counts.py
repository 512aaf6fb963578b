"""How much of a degradation survives encoding notes as tokens and decoding them again.

Each operation of a recipe damages clean performances alone. Clean and damaged are encoded and
decoded, and the change of each note is compared with the change of what was decoded.
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

    The tokens of `seen` of the `changed` notes changed too. The rest are sums over all notes of
    true change², of decoded change², and of their product.
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

        It is R² through the origin, the squared cosine of the two: 1 when they are proportional,
        0 when they are unrelated. A ratio of spreads would not do: a coarse grid turns a jitter of
        10 ms into one of 16. A model has no clean notes beside, so it is an upper bound.
        """
        if not self.true_energy:
            return None
        if not self.seen_energy:
            return 0.0
        return max(self.overlap, 0.0) ** 2 / (self.true_energy * self.seen_energy)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAudit:
    """What a tokeniser does to a clean and a damaged performance: notes lost, and the traces."""

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
    """Return how many notes encoding and decoding loses; it should be 0."""
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
    """Compare how each note, matched by id, changed with how its tokens did.

    A missed or added note is seen, as each note has a row of its own. Where a tokeniser loses
    notes, rows cannot be matched with notes: the traces are empty.
    """
    pair = (clean, degraded)
    lost = sum(notes_lost(performance, tokeniser) for performance in pair)
    if lost:
        return PairAudit(notes_lost=lost, traces=dict.fromkeys(ASPECTS, Trace()))
    _, before, after = np.intersect1d(
        clean.notes["note_id"], degraded.notes["note_id"], return_indices=True
    )
    was_played, is_played = (_played(performance) for performance in pair)
    was_seen, is_seen = (_remembered(performance, tokeniser) for performance in pair)
    unmatched = len(clean.notes) + len(degraded.notes) - len(before) - len(after)
    come_or_gone = np.ones(unmatched, dtype=np.int64)
    traces: dict[Aspect, Trace] = {"presence": _trace(come_or_gone, come_or_gone)}
    for aspect in was_played:
        traces[aspect] = _trace(
            is_played[aspect][after] - was_played[aspect][before],
            is_seen[aspect][after] - was_seen[aspect][before],
        )
    return PairAudit(notes_lost=0, traces=traces)


def audit_tokeniser(
    performances: Mapping[str, Performance], recipe: Recipe, tokeniser: Tokeniser, *, seed: int
) -> tuple[OperationSurvival, ...]:
    """Return a row for each operation on notes, by tier or factor, over all clean `performances`.

    What an operation draws follows from `seed` and names, the keys of `performances` among them:
    every tokeniser gets the same damage.
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
        notes_lost=sum(audit.notes_lost for audit in audits),
    )
