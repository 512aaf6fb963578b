"""Which factor moves which dimension: does a model know one fault from another?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labeling.scores import DIMENSIONS, Dimension
from models.document import Number
from models.evaluation.agreement.resampling import clustered_means
from models.evaluation.counterfactuals.dose_response import Table, nested
from models.evaluation.counterfactuals.families import FACTORS, Families

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorEffects:
    """Mean change of the scores at the reference dose of a factor, [factor][dimension].

    In points; below 0 is worse. `low` and `high` are 95 % intervals. `own_share` is, by factor,
    the part of all movement in the seven dimensions that is in the factor's own: 1 where only
    that one moves, 1/7 where all move alike, nan where none does. `falls_most` names the one
    of the seven that falls most, None where none falls or several fall as much.
    """

    change: Table
    low: Table
    high: Table
    own_share: tuple[Number, ...]
    falls_most: tuple[Dimension | None, ...]


def factor_effects(families: Families, *, seed: int) -> FactorEffects:
    """Return what the reference dose of each factor does to the scores of `families`."""
    change = families.change[:, :, families.reference]
    mean, low, high = clustered_means(change, families.compositions, seed=seed)
    among = mean[:, : len(FACTORS)]
    with np.errstate(invalid="ignore", divide="ignore"):
        own_share = np.abs(np.diagonal(among)) / np.abs(among).sum(axis=1)
    return FactorEffects(
        change=nested(mean),  # type: ignore[arg-type]
        low=nested(low),  # type: ignore[arg-type]
        high=nested(high),  # type: ignore[arg-type]
        own_share=tuple(own_share.tolist()),
        falls_most=tuple(_falls_most(row) for row in among),
    )


def _falls_most(change: Floats) -> Dimension | None:
    lowest = np.flatnonzero(change == change.min())
    return DIMENSIONS[int(lowest[0])] if len(lowest) == 1 and change.min() < 0 else None
