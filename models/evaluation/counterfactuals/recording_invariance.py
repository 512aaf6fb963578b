"""Does a score change with the piano, the room or the noise, when the playing does not?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.document import Number
from models.evaluation.counterfactuals.dose_response import mean_of_known
from models.evaluation.counterfactuals.families import FACTORS, Families

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingInvariance:
    """How much scores of undamaged playing differ between recordings of it, by dimension.

    `change` is the mean absolute difference of a twin from its base, in points. `share` is
    `change` over the mean absolute change by the reference dose of the dimension's own factor;
    for the overall dimension, by all factors. 0 is perfect; nan where that dose changes nothing.
    """

    change: tuple[Number, ...]
    share: tuple[Number, ...]


def recording_invariance(families: Families) -> RecordingInvariance | None:
    """Return how invariant the scores of `families` are; None when no family has a twin."""
    if not families.twins.size or np.isnan(families.twins).all():
        return None
    change = np.nanmean(np.abs(families.twins - families.base[:, None]), axis=(0, 1))
    caused = _caused(families)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(caused > 0, change / caused, np.nan)
    return RecordingInvariance(change=tuple(change.tolist()), share=tuple(share.tolist()))


def _caused(families: Families) -> Floats:
    """Return the mean absolute change in each dimension (8,) at its factor's reference dose."""
    size = mean_of_known(np.abs(families.change[:, :, families.reference]))
    own: Floats = np.append(np.diagonal(size[:, : len(FACTORS)]), size[:, -1].mean())
    return own
