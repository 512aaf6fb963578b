"""Which factor moves which dimension: does a model know one fault from another?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labeling.scores import DIMENSIONS, Dimension
from models.evaluation.agreement.resampling import clustered_means
from models.evaluation.counterfactuals.dose_response import Table, nested
from models.evaluation.counterfactuals.families import FACTORS, Families


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorEffects:
    """Mean change of the scores, in points, at the reference dose of a factor.

    `change` is [factor][dimension], below 0 is worse. `falls_most` names by factor the dimension,
    but the overall one, that falls most; None where none falls or several fall as much.
    """

    change: Table
    falls_most: tuple[Dimension | None, ...]


def factor_effects(families: Families, *, seed: int) -> FactorEffects:
    """Return what the reference dose of each factor does to the scores of `families`."""
    change = families.change[:, :, families.reference]
    mean, _, _ = clustered_means(change, families.compositions, seed=seed)
    return FactorEffects(
        change=nested(mean),
        falls_most=tuple(_falls_most(row) for row in mean[:, : len(FACTORS)]),
    )


def _falls_most(change: NDArray[np.float64]) -> Dimension | None:
    lowest = np.flatnonzero(change == change.min())
    return DIMENSIONS[int(lowest[0])] if len(lowest) == 1 and change.min() < 0 else None
