"""How measures of clips correlate with listeners' ratings: over all clips, and within score."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from degradation.seeds import stream
from labeling.statistics import clustered_correlation
from models.evaluation.agreement.resampling import Interval
from models.evaluation.human.document import RatingAgreement, Rho, Sign
from storage.percepiano import SCALES

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ratings:
    """The judged clips' mean ratings (clips, 19), the baseline's predictions, and passages."""

    means: FloatArray
    baseline: FloatArray
    passages: list[str]
    seed: int

    def compare(
        self,
        name: str,
        scale: str,
        sign: Sign,
        measured: FloatArray,
    ) -> RatingAgreement:
        """Return how a measure, (clips,), correlates with a scale; NaN was not measured."""
        column = SCALES.index(scale)
        baseline = np.where(np.isnan(measured), np.nan, self.baseline[:, column])
        (pooled, within), (_, base) = (
            correlate(
                values,
                self.means[:, column],
                self.passages,
                stream(self.seed, "agreement", name, scale),
            )
            for values in (measured, baseline)
        )
        return RatingAgreement(
            name=name,
            scale=scale,
            sign=sign,
            pooled=pooled,
            within=within,
            baseline_rho=base.rho,
        )


def correlate(
    measured: FloatArray, rated: FloatArray, passages: Sequence[str], rng: np.random.Generator
) -> tuple[Rho, Rho]:
    """Return a measure's rank correlation with ratings, both (n,): pooled, and within score.

    Clips without a measurement (NaN) are left out. Within score, each passage's mean is taken off
    both, then all are ranked together; passages of one clip are left out.
    """
    known = ~np.isnan(measured)
    x, y, names = measured[known], rated[known], np.asarray(passages)[known]
    pooled = _rho(x, y, names, rng)
    _, of, counts = np.unique(names, return_inverse=True, return_counts=True)
    shared = counts[of] > 1
    x, y, names = x[shared], y[shared], names[shared]
    # Rounded, or where all values of a passage are equal, what rounding left would be ranked.
    x, y = (centre(values, names.tolist()).round(12) for values in (x, y))
    return pooled, _rho(x, y, names, rng)


def centre(values: FloatArray, passages: Sequence[str]) -> FloatArray:
    """Return values, (n, ...), less the mean of their passage."""
    _, of = np.unique(np.asarray(passages), return_inverse=True)
    totals = np.zeros((of.max(initial=-1) + 1, *values.shape[1:]))
    np.add.at(totals, of, values)
    counts = np.bincount(of).reshape(-1, *(1,) * (values.ndim - 1))
    centred: FloatArray = values - (totals / counts)[of]
    return centred


def _rho(x: FloatArray, y: FloatArray, passages: NDArray[np.str_], rng: np.random.Generator) -> Rho:
    ranks = (
        np.stack([scipy.stats.rankdata(x), scipy.stats.rankdata(y)], axis=1)
        if len(x)
        else np.zeros((0, 2))
    )
    found = clustered_correlation(ranks, passages.tolist(), rng)
    return Rho(rho=found.r, interval=Interval(found.low, found.high), n=found.n)
