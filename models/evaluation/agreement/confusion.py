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

    `by_middle`: the bands overlap, so a predicted score counts to the tier with the nearest middle.
    `accuracy` is the share in the right tier, `chance` that of always naming the commonest tier.
    """

    tiers: tuple[str, ...]
    by_middle: bool
    counts: tuple[tuple[int, ...], ...]
    accuracy: float
    chance: float


def bands_part(tiers: Sequence[TierScores]) -> bool:
    """Return whether each band lies below the one before it, without overlap."""
    return all(better.low >= worse.high for better, worse in itertools.pairwise(tiers))


def tier_of(scores: Floats, tiers: Sequence[TierScores]) -> NDArray[np.int64]:
    """Return the index in `tiers`, best first, of each score's tier.

    A score at the edge of two bands belongs to the better tier; beyond the ends, to the nearest.
    Where bands overlap, it belongs to the tier with the nearest middle.
    """
    if not bands_part(tiers):
        middles = np.array([tier.middle for tier in tiers])
        return np.asarray(np.abs(scores[:, None] - middles).argmin(axis=1), np.int64)
    lows = np.array([tier.low for tier in tiers[:-1]])
    return np.asarray((scores[:, None] < lows).sum(axis=1), np.int64)


def tier_confusion(
    true_tiers: Sequence[str], overall: Floats, tiers: Sequence[TierScores]
) -> Confusion:
    """Compare the tiers of predicted overall scores (samples,) with the true ones.

    Raises ValueError for a true tier that is not among `tiers`.
    """
    names = [tier.name for tier in tiers]
    if unknown := set(true_tiers) - set(names):
        raise ValueError(f"expected tiers among {names}, got {sorted(unknown)} too")
    true = np.array([names.index(tier) for tier in true_tiers], np.int64)
    predicted = tier_of(overall, tiers)
    counts = np.zeros((len(names), len(names)), np.int64)
    np.add.at(counts, (true, predicted), 1)
    return Confusion(
        tiers=tuple(names),
        by_middle=not bands_part(tiers),
        counts=tuple(tuple(row) for row in counts.tolist()),
        accuracy=float(np.trace(counts) / len(true)),
        chance=float(counts.sum(axis=1).max() / len(true)),
    )
