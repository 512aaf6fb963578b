"""The best that any model can score, given how labels come about.

Where they are drawn at random inside a tier's range, a score says only which tier a sample is in;
inside the tier it is noise. So the best prediction is the mean of the tiers that cannot be told
apart, and its r and MAE follow from the tier table alone. A figure near the ceiling says "tells
tiers apart", never "hears like a listener". Where labels follow from severities, nothing is noise.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labeling.scores import DIMENSIONS
from models.document import Number
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

    def distance_from(self, point: float) -> float:
        """Return the mean absolute distance of a score in this tier from `point`."""
        if not self.low <= point <= self.high:
            return abs(self.middle - point)
        return ((point - self.low) ** 2 + (self.high - point) ** 2) / (2 * (self.high - self.low))


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCeiling:
    """What the best possible model scores, and how alike the dimensions' labels are.

    `correlation` is that between two dimensions, the mean over all pairs; `effective_rank` the
    participation ratio (sum of eigenvalues)^2 / sum of squares of their correlation matrix,
    from 1 (all say the same) to the number of dimensions.
    """

    r: float
    mae: float
    correlation: Number
    effective_rank: Number


def label_ceiling(
    tiers: Sequence[TierScores], confused: Collection[str] = (), dimensions: int = len(DIMENSIONS)
) -> LabelCeiling:
    """Return the exact ceiling of scores that are uniform and independent inside their tier.

    Tiers named in `confused` cannot be told apart, and all get the mean of their scores. With
    prediction m of a score y, r = sd(m) / sd(y), as m is y's conditional mean; two dimensions
    share the tier alone, so they correlate by Var(tier mean) / Var(y).

    Raises ValueError when the probabilities do not sum to 1 or a confused tier is unknown.
    """
    probability = np.array([tier.probability for tier in tiers])
    if abs(probability.sum() - 1) > 1e-9:
        raise ValueError(f"tier probabilities must sum to 1, got {probability.sum()}")
    if unknown := set(confused) - {tier.name for tier in tiers}:
        raise ValueError(f"confused names no tier: {sorted(unknown)}")
    middle = np.array([tier.middle for tier in tiers])
    within = float(probability @ [tier.variance for tier in tiers])
    mean = float(probability @ middle)
    between = float(probability @ (middle - mean) ** 2)
    predicted = middle.copy()
    merged = np.array([tier.name in confused for tier in tiers])
    if merged.any():
        predicted[merged] = probability[merged] @ middle[merged] / probability[merged].sum()
    explained = float(probability @ (predicted - mean) ** 2)
    distances = [tier.distance_from(point) for tier, point in zip(tiers, predicted, strict=True)]
    correlation = between / (between + within)
    eigenvalues = np.array(
        [1 + (dimensions - 1) * correlation, *[1 - correlation] * (dimensions - 1)]
    )
    return LabelCeiling(
        r=float(np.sqrt(explained / (between + within))),
        mae=float(probability @ distances),
        correlation=correlation,
        effective_rank=float(eigenvalues.sum() ** 2 / (eigenvalues**2).sum()),
    )


def ceiling_of_severities(labels: Floats) -> LabelCeiling:
    """Return the ceiling of labels that follow from severities alone: nothing in them is chance.

    `labels` (samples, dimensions) say how alike the dimensions are. One that never changes (of
    music without pedal, say) is left out; with fewer than two others both figures are nan. That
    all damage can be heard is another matter (see the observable ceiling of the label audit).
    """
    correlation = effective_rank = math.nan
    varied = labels[:, np.ptp(labels, axis=0) > 0]
    if varied.shape[1] > 1:
        matrix = np.asarray(np.corrcoef(varied, rowvar=False), np.float64)
        size = len(matrix)
        correlation = float((matrix.sum() - size) / (size * (size - 1)))
        effective_rank = float(size**2 / (matrix**2).sum())
    return LabelCeiling(r=1.0, mae=0.0, correlation=correlation, effective_rank=effective_rank)


def ceiling_on_samples(samples: pd.DataFrame, tiers: Sequence[TierScores]) -> Agreement:
    """Return what a perfect tier classifier scores on these very samples.

    `samples` has the column `tier` and the eight dimensions. It differs from `label_ceiling`
    by the luck of the draw and by the shares that the tiers happen to have here.
    """
    middle = {tier.name: tier.middle for tier in tiers}
    if unknown := set(samples["tier"]) - set(middle):
        raise ValueError(f"samples hold tiers without a score range: {sorted(unknown)}")
    predicted = np.array([middle[tier] for tier in samples["tier"]], dtype=np.float64)
    true = samples[list(DIMENSIONS)].to_numpy(np.float64)
    return agreement(true, np.repeat(predicted[:, None], len(DIMENSIONS), axis=1))
