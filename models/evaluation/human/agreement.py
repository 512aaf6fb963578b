"""How far a measure goes with listeners: over all clips, and within each score segment.

Within a segment every clip is the same music, so recognising the music explains nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from labeling.statistics import Correlation, clustered_correlation
from models.evaluation.human.hypotheses import Sign

FloatArray = NDArray[np.float64]

Verdict = Literal["follows", "runs against", "not told from nothing", "no sign claimed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Spearman's rho of a measure and a scale, pooled and within score, with 95 % bounds.

    The bounds are of a bootstrap of whole score segments. `sign` is what was claimed beforehand.
    """

    pooled: Correlation
    within: Correlation
    sign: Sign | None

    @property
    def verdict(self) -> Verdict:
        """What the within-score interval says of the claimed sign."""
        if self.sign is None:
            return "no sign claimed"
        if not self.within.excludes_zero:
            return "not told from nothing"
        return "follows" if np.sign(self.within.r) == self.sign else "runs against"


def centre(values: FloatArray, segments: Sequence[str]) -> FloatArray:
    """Return values, (n, ...), less the mean of their score segment."""
    _, of = np.unique(np.asarray(segments), return_inverse=True)
    totals = np.zeros((of.max(initial=-1) + 1, *values.shape[1:]))
    np.add.at(totals, of, values)
    counts = np.bincount(of).reshape(-1, *(1,) * (values.ndim - 1))
    centred: FloatArray = values - (totals / counts)[of]
    return centred


def measure_agreement(
    measured: FloatArray,
    rated: FloatArray,
    segments: Sequence[str],
    sign: Sign | None,
    rng: np.random.Generator,
) -> Agreement:
    """Return how a measure, (n,), goes with a scale's mean ratings, (n,).

    Clips without a measurement (NaN) are left out. Within score: each segment's mean is taken
    off both, then all are ranked together; segments with one clip say nothing and are left out.
    """
    known = ~np.isnan(measured)
    x, y, names = measured[known], rated[known], np.asarray(segments)[known]
    pooled = clustered_correlation(_ranks(x, y), names.tolist(), rng)
    _, of, counts = np.unique(names, return_inverse=True, return_counts=True)
    shared = counts[of] > 1
    x, y, names = x[shared], y[shared], names[shared]
    ranks = _ranks(centre(x, names.tolist()), centre(y, names.tolist()))
    within = clustered_correlation(ranks, names.tolist(), rng)
    return Agreement(pooled=pooled, within=within, sign=sign)


def _ranks(x: FloatArray, y: FloatArray) -> FloatArray:
    return np.stack([rankdata(x), rankdata(y)], axis=1) if len(x) else np.zeros((0, 2))
