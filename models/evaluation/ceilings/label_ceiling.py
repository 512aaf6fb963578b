"""The best that any model can score, given how labels come about.

Where labels are drawn at random inside a tier's range, only the tier can be known. The best
prediction is the tier's mean; its r and MAE follow from the tier table. A model near that ceiling
tells tiers apart, no more. Where labels follow from severities, nothing is noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labeling.scores import DIMENSIONS
from models.metrics import Agreement, agreement

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TierScores:
    """One tier: how often it is drawn, and the range in which each score is uniform."""

    name: str
    probability: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not (0 <= self.probability <= 1 and self.low < self.high):
            raise ValueError(f"expected a probability in [0, 1] and low < high, got {self}")

    @property
    def middle(self) -> float:
        """The mean and median of a score in this tier."""
        return (self.low + self.high) / 2

    @property
    def variance(self) -> float:
        """The variance of a score in this tier."""
        return (self.high - self.low) ** 2 / 12


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCeiling:
    """What the best possible model scores, and how alike the dimensions' labels are.

    `effective_rank` is the participation ratio (sum of eigenvalues)^2 / sum of squares of their
    correlation matrix, from 1 (all say the same) to the number of dimensions.
    """

    r: float
    mae: float
    effective_rank: float


def label_ceiling(tiers: Sequence[TierScores]) -> LabelCeiling:
    """Return the exact ceiling of scores that are uniform and independent inside their tier.

    The best prediction m of a score y is its conditional mean, so r = sd(m) / sd(y). Two
    dimensions share the tier alone, so they correlate by Var(tier mean) / Var(y).

    Raises ValueError when the probabilities do not sum to 1.
    """
    probability = np.array([tier.probability for tier in tiers])
    if abs(probability.sum() - 1) > 1e-9:
        raise ValueError(f"tier probabilities must sum to 1, got {probability.sum()}")
    middle = np.array([tier.middle for tier in tiers])
    within = float(probability @ [tier.variance for tier in tiers])
    mean = float(probability @ middle)
    between = float(probability @ (middle - mean) ** 2)
    correlation = between / (between + within)
    others = len(DIMENSIONS) - 1
    eigenvalues = np.array([1 + others * correlation, *[1 - correlation] * others])
    return LabelCeiling(
        r=float(np.sqrt(between / (between + within))),
        mae=float(probability @ [(tier.high - tier.low) / 4 for tier in tiers]),
        effective_rank=float(eigenvalues.sum() ** 2 / (eigenvalues**2).sum()),
    )


def ceiling_on_samples(samples: pd.DataFrame, tiers: Sequence[TierScores]) -> Agreement:
    """Return what a perfect tier classifier scores on these very samples.

    `samples` has the column `tier` and the eight dimensions. The figures differ from those of
    `label_ceiling` by the luck of the draw.
    """
    middle = {tier.name: tier.middle for tier in tiers}
    if unknown := set(samples["tier"]) - set(middle):
        raise ValueError(f"samples hold tiers without a score range: {sorted(unknown)}")
    predicted = np.array([middle[tier] for tier in samples["tier"]], dtype=np.float64)
    true = samples[list(DIMENSIONS)].to_numpy(np.float64)
    return agreement(true, np.repeat(predicted[:, None], len(DIMENSIONS), axis=1))
