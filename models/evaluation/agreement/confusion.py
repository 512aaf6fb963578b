"""Which tier a predicted overall score falls in, against the tier it came from."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.ceilings.label_ceiling import TierScores

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Samples by true tier and predicted one, `counts[true][predicted]`, best first.

    `by_middle` says that the tiers' bands overlap, so that a predicted score is of the tier whose
    middle is nearest, not of that whose band holds it.
    `accuracy` is the share in the right tier, `balanced_accuracy` its mean over the tiers that
    occur, `within_one` the share no further off than the next tier. `chance` is what always
    naming the commonest tier gives.
    """

    tiers: tuple[str, ...]
    by_middle: bool
    counts: tuple[tuple[int, ...], ...]
    accuracy: float
    balanced_accuracy: float
    within_one: float
    chance: float


def bands_part(tiers: Sequence[TierScores]) -> bool:
    """Return whether the bands of `tiers` lie one below the other, as the tiers come."""
    return all(better.low >= worse.high for better, worse in itertools.pairwise(tiers))


def tier_of(scores: Floats, tiers: Sequence[TierScores]) -> NDArray[np.int64]:
    """Return the place among `tiers`, best first, whose band holds each score.

    A score at the edge of two belongs to the better; beyond the ends, to the nearest. Where the
    bands overlap, a score belongs to the tier whose middle is nearest.
    """
    if not bands_part(tiers):
        middles = np.array([tier.middle for tier in tiers])
        return np.asarray(np.abs(scores[:, None] - middles).argmin(axis=1), np.int64)
    lows = np.array([tier.low for tier in tiers[:-1]])
    return np.asarray((scores[:, None] < lows).sum(axis=1), np.int64)


def tier_confusion(
    true_tiers: Sequence[str], overall: Floats, tiers: Sequence[TierScores]
) -> Confusion:
    """Return how the bands of predicted overall scores (samples,) meet the true tiers.

    Raises ValueError for a true tier that is not among `tiers`.
    """
    names = [tier.name for tier in tiers]
    if unknown := set(true_tiers) - set(names):
        raise ValueError(f"expected tiers among {names}, got {sorted(unknown)} too")
    true = np.array([names.index(tier) for tier in true_tiers], np.int64)
    predicted = tier_of(overall, tiers)
    counts = np.zeros((len(names), len(names)), np.int64)
    np.add.at(counts, (true, predicted), 1)
    of_tier = counts.sum(axis=1)
    occurs = of_tier > 0
    return Confusion(
        tiers=tuple(names),
        by_middle=not bands_part(tiers),
        counts=tuple(tuple(row) for row in counts.tolist()),
        accuracy=float(np.trace(counts) / len(true)),
        balanced_accuracy=float((np.diagonal(counts)[occurs] / of_tier[occurs]).mean()),
        within_one=float((np.abs(true - predicted) <= 1).mean()),
        chance=float(of_tier.max() / len(true)),
    )
