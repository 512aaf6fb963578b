"""Does a grade change with the piano, the room or the noise, when the playing does not?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.document import Number
from models.evaluation.counterfactuals.families import FACTORS, Families

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingInvariance:
    """How far scores of undamaged playing stray between recordings of it, by dimension.

    `spread` is the standard deviation over a family's base and twins (divisor n), the mean
    over families, and `change` the mean absolute difference of a twin from its base, both in
    points. `share` is `change` beside the mean absolute change that the reference dose of the
    dimension's own factor causes; for the overall dimension, the mean over the factors. 0 is
    perfect, at 1 another piano counts as much as playing clearly worse; nan where that dose
    changes nothing.
    """

    spread: tuple[Number, ...]
    change: tuple[Number, ...]
    share: tuple[Number, ...]


def recording_invariance(families: Families) -> RecordingInvariance | None:
    """Return how invariant the scores of `families` are; None when no family has a twin."""
    if not families.twins.size or np.isnan(families.twins).all():
        return None
    versions = np.concatenate([families.base[:, None], families.twins], axis=1)
    twinned = ~np.isnan(families.twins).all(axis=(1, 2))
    spread = np.nanstd(versions[twinned], axis=1).mean(axis=0)
    change = np.nanmean(np.abs(families.twins - families.base[:, None]), axis=(0, 1))
    caused = _caused(families)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(caused > 0, change / caused, np.nan)
    return RecordingInvariance(
        spread=tuple(spread.tolist()), change=tuple(change.tolist()), share=tuple(share.tolist())
    )


def _caused(families: Families) -> Floats:
    """Return the mean absolute change in each dimension (8,) at its factor's reference dose."""
    change = families.change[:, :, families.reference]
    there = ~np.isnan(change)
    with np.errstate(invalid="ignore"):
        size = np.abs(np.where(there, change, 0.0)).sum(axis=0) / there.sum(axis=0)
    own: Floats = np.append(np.diagonal(size[:, : len(FACTORS)]), size[:, -1].mean())
    return own
