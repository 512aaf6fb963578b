"""A measure of clips beside what listeners said of them, and beside the baseline."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degradation.seeds import stream
from models.evaluation.human.agreement import Agreement, measure_agreement
from models.evaluation.human.hypotheses import Sign
from storage.percepiano import SCALES

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A measure beside a scale; `baseline` is the within-score rho of the baseline's prediction of
    that scale on the same clips, from music that was held out.
    """

    name: str
    unit: str
    scale: str
    agreement: Agreement
    baseline: float
    stated_rho: float | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """The judged clips' ratings (clips, 19), the baseline's predictions of them, and segments."""

    ratings: FloatArray
    predicted: FloatArray
    segments: list[str]
    seed: int

    def row(
        self,
        name: str,
        unit: str,
        scale: str,
        sign: Sign | None,
        measured: FloatArray,
        *,
        stated_rho: float | None = None,
    ) -> Row:
        """Return a measure, (clips,), beside a scale; NaN is what was not measured."""
        column = SCALES.index(scale)
        baseline = np.where(np.isnan(measured), np.nan, self.predicted[:, column])
        found, base = (
            measure_agreement(
                values,
                self.ratings[:, column],
                self.segments,
                sign,
                stream(self.seed, "agreement", name, scale),
            )
            for values in (measured, baseline)
        )
        return Row(
            name=name,
            unit=unit,
            scale=scale,
            agreement=found,
            baseline=base.within.r,
            stated_rho=stated_rho,
        )
