"""Severity in just-noticeable differences (JND): its distribution, and its score and tier."""

import itertools
from typing import Self

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import RootModel, field_validator, model_validator

from degradation.operation import Parameters
from degradation.recipe_base import TIERS

Knots = tuple[tuple[float, float], ...]
Floats = NDArray[np.float64]


def _rises(values: tuple[float, ...]) -> bool:
    return all(before < after for before, after in itertools.pairwise(values))


class ScoreCurve(Parameters):
    """Maps severity to score: (severity in JND, score) knots, linear between, constant beyond.

    The knots are the tiers' edges, best first: a severity from one knot up to the next is in
    that tier.
    """

    knots: Knots

    @field_validator("knots")
    @classmethod
    def _knots_bound_the_tiers(cls, knots: Knots) -> Knots:
        severity, score = zip(*knots, strict=True) if knots else ((), ())
        if len(knots) != len(TIERS) + 1:
            raise ValueError(
                f"should be {len(TIERS) + 1} knots, the tiers' edges, got {len(knots)}"
            )
        if severity[0] != 0 or not _rises(severity) or not _rises(score[::-1]):
            raise ValueError(
                f"severities should rise from 0 and scores fall, got {[list(k) for k in knots]}"
            )
        if not 0 <= score[-1] < score[0] <= 100:
            raise ValueError(f"scores should lie in [0, 100], got {[list(k) for k in knots]}")
        return knots

    @property
    def largest_jnd(self) -> float:
        """The severity beyond which the score is constant."""
        return self.knots[-1][0]

    def score(self, severity_jnd: Floats | float) -> Floats:
        """Return the score of each severity."""
        return np.asarray(np.interp(severity_jnd, *np.transpose(self.knots)), dtype=np.float64)

    def tier(self, severity_jnd: float) -> str:
        """Return the tier of a severity."""
        edges = [severity for severity, _ in self.knots[1:-1]]
        return TIERS[int(np.searchsorted(edges, severity_jnd, side="right"))]


class SeverityDistribution(RootModel[Knots]):
    """The distribution of a factor's severity: (probability, JND) knots of its quantile function.

    Linear between the knots; the first is at probability 0 and the last at 1.
    """

    model_config = {"frozen": True, "allow_inf_nan": False}

    @model_validator(mode="after")
    def _is_a_quantile_function(self) -> Self:
        probability, severity = zip(*self.root, strict=True) if self.root else ((), ())
        if (
            len(self.root) < 2
            or (probability[0], probability[-1]) != (0, 1)
            or not _rises(probability)
            or severity[0] < 0
            or list(severity) != sorted(severity)
        ):
            raise ValueError(
                "should be [probability, JND] knots that rise, from probability 0 to 1, got "
                f"{[list(knot) for knot in self.root]}"
            )
        return self

    @property
    def largest_jnd(self) -> float:
        """The largest severity that can be drawn."""
        return self.root[-1][1]

    def quantile(self, probability: Floats) -> Floats:
        """Return the severity below which a share `probability` of the draws lies."""
        return np.asarray(np.interp(probability, *np.transpose(self.root)), dtype=np.float64)


def draw_ranks(count: int, correlation: float, rng: np.random.Generator) -> Floats:
    """Return `count` uniform numbers in (0, 1), correlated by a Gaussian copula.

    Any two of the normal scores behind them have the same `correlation`.
    """
    common, own = rng.standard_normal(), rng.standard_normal(count)
    return np.asarray(
        scipy.special.ndtr(np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own)
    )


def overall_severity(severity_jnd: Floats, weight: Floats, power: float) -> float:
    """Return the weighted power mean of severities, in which large ones dominate.

    Power 1 is the mean and 2 the root mean square; in detection, signals pool with exponents of
    2 to 4 (Quick 1974, Kybernetik 16; Watson 1979, Vision Research 19).
    """
    return float(np.average(severity_jnd**power, weights=weight) ** (1 / power))
