"""A factored recipe: seven factors of damage with their own severities, and nuisance."""

import functools
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self, get_args

import numpy as np
from pydantic import Field, ValidationError, field_validator, model_validator

from degradation.config_file import explain
from degradation.notes import Performance
from degradation.nuisance import Nuisance, RandomStream
from degradation.operation import NoteOperation, Parameters
from degradation.operations import AnyNoteOperation
from degradation.recipe_base import TIERS, RecipeBase, code_versions
from degradation.render import Instrument
from degradation.seeds import stream
from degradation.severity import (
    Floats,
    ScoreCurve,
    SeverityDistribution,
    draw_ranks,
    overall_severity,
)

Factor = Literal[
    "note_accuracy",
    "rhythmic_stability",
    "articulation_clarity",
    "pedal_technique",
    "tone_quality",
    "dynamic_range",
    "musical_expression",
]

FACTORS: tuple[Factor, ...] = get_args(Factor)
"""The factors of damage, one a dimension, in the order of every table."""

SHARES_FROM_DRAWS = 20_000

CLEARLY_HEARD_JND = 4.0
"""Damage that is obvious, and not yet the worst."""


def reference_dose(doses_jnd: Sequence[float]) -> float:
    """Return the dose at which models are compared: the nearest to 4 JND, the smaller of two.

    `doses_jnd` are those of a family, without its undamaged base.

    >>> reference_dose((0.5, 1, 2, 4, 8)), reference_dose((1, 3, 6)), reference_dose((2, 6))
    (4, 3, 2)
    """
    return min(doses_jnd, key=lambda dose: (abs(dose - CLEARLY_HEARD_JND), dose))


class GrowingOperation(Parameters):
    """An operation at one JND, and how its parameters grow with severity.

    Each parameter in `growth` is its value at one JND times severity to the given exponent.
    `source` names the publication of the value at one JND, or is `no published threshold`.
    """

    at_one_jnd: AnyNoteOperation
    growth: dict[str, Annotated[float, Field(gt=0)]] = Field(min_length=1)
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _growing_parameters_are_numbers(self) -> Self:
        fields = self.at_one_jnd.model_dump()
        growing = [name for name, value in fields.items() if isinstance(value, float)]
        if unknown := sorted(set(self.growth) - set(growing)):
            raise ValueError(
                f"growth names {', '.join(unknown)}; expected parameters of "
                f"{self.at_one_jnd.operation} that can grow: {', '.join(growing) or 'none'}"
            )
        return self

    def at(self, severity_jnd: float) -> NoteOperation:
        """Return the operation at a severity. Raises ValidationError beyond a parameter's limit."""
        grown = {
            name: getattr(self.at_one_jnd, name) * severity_jnd**exponent
            for name, exponent in self.growth.items()
        }
        return type(self.at_one_jnd).model_validate(self.at_one_jnd.model_dump() | grown)


class FactorDamage(Parameters):
    """A factor's weight in the overall severity, its distribution of severity, its operations."""

    weight: float = Field(gt=0)
    severity: SeverityDistribution
    operations: tuple[GrowingOperation, ...] = Field(min_length=1)

    def at(self, severity_jnd: float) -> tuple[NoteOperation, ...]:
        """Return the factor's operations at a severity, in order; none at 0."""
        return tuple(one.at(severity_jnd) for one in self.operations) if severity_jnd else ()

    def can_apply(self, performance: Performance) -> bool:
        """Return whether all its operations find something to act on in this window.

        With only some of them, the damage would be less than its severity.
        """
        return all(one.at_one_jnd.can_apply(performance) for one in self.operations)

    def has_effect(self, performance: Performance, severity_jnd: float, own: RandomStream) -> bool:
        """Return whether any operation changes anything at this severity, where it can apply.

        `own` gives the streams that the operations will draw from.
        """
        return any(
            not operation.MAY_DO_NOTHING
            or bool(operation.draw(performance, own(operation.operation)))
            for operation in self.at(severity_jnd)
        )


class Counterfactual(Parameters):
    """Counterfactual families, for a `share` of the held-out segments.

    A family has an undamaged row, a row for each factor at each of `severities_jnd`, and `twins`:
    undamaged rows with another recording.
    """

    share: float = Field(ge=0, le=1)
    severities_jnd: tuple[float, ...] = Field(min_length=1)
    twins: int = Field(ge=1, le=16)

    @field_validator("severities_jnd")
    @classmethod
    def _severities_rise(cls, severities: tuple[float, ...]) -> tuple[float, ...]:
        if min(severities) <= 0 or list(severities) != sorted(set(severities)):
            raise ValueError(f"should rise from above 0, got {list(severities)}")
        return severities


class FactoredRecipe(RecipeBase):
    """Seven factors of damage with their own severities, recorded in many ways.

    The factors are applied in the order of the file. `correlation` is that of any two severities'
    ranks (as normal scores), `pooling` the exponent of the overall severity, a weighted power mean.
    """

    kind: Literal["factored"]
    audio_source: Literal["rendered"]
    score_curve: ScoreCurve
    correlation: float = Field(ge=0, lt=1)
    pooling: float = Field(ge=1, le=8)
    factors: dict[Factor, FactorDamage]
    nuisance: Nuisance
    counterfactual: Counterfactual

    @field_validator("factors")
    @classmethod
    def _factors_are_complete(
        cls, factors: dict[Factor, FactorDamage]
    ) -> dict[Factor, FactorDamage]:
        if set(factors) != set(FACTORS):
            raise ValueError(f"should be {', '.join(FACTORS)}, got {', '.join(factors) or 'none'}")
        # An operation's name identifies its random stream, and its edits in the row.
        names = [one.at_one_jnd.operation for f in factors.values() for one in f.operations]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"each operation may stand once in all factors, got {twice} twice")
        return factors

    @model_validator(mode="after")
    def _severities_can_be_done(self) -> Self:
        for name, factor in self.factors.items():
            largest = max(factor.severity.largest_jnd, *self.counterfactual.severities_jnd)
            if factor.severity.largest_jnd > self.score_curve.largest_jnd:
                raise ValueError(
                    f"factors.{name}.severity should end by {self.score_curve.largest_jnd:g} JND, "
                    f"where score_curve does, got {factor.severity.largest_jnd:g}"
                )
            try:
                factor.at(largest)
            except ValidationError as error:
                raise ValueError(
                    f"factors.{name} grows too strong at {largest:g} JND: {explain(error)}"
                ) from error
        return self

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The instruments that rows are rendered with: those that are installed."""
        return self.nuisance.installed_instruments()

    @property
    def sample_rate_hz(self) -> int:
        """Sample rate of every row's audio."""
        return self.nuisance.instruments[0].sample_rate_hz

    @property
    def weights(self) -> Floats:
        """The factors' weights in the overall severity, in the order of `FACTORS`."""
        return np.array([self.factors[name].weight for name in FACTORS])

    def draw_severities(self, rng: np.random.Generator) -> Floats:
        """Return a severity in JND for each of `FACTORS`."""
        ranks = draw_ranks(len(FACTORS), self.correlation, rng)
        return np.array(
            [
                self.factors[name].severity.quantile(rank)
                for name, rank in zip(FACTORS, ranks, strict=True)
            ]
        )

    def overall(self, severity_jnd: Floats) -> float:
        """Return the overall severity of seven, in the order of `FACTORS`."""
        return overall_severity(severity_jnd, self.weights, self.pooling)

    @functools.cached_property
    def tier_shares(self) -> dict[str, float]:
        """How often each tier is drawn where every factor applies, estimated from many draws."""
        rng = stream(self.seed, self.name, "tier shares")
        tiers = [
            self.score_curve.tier(self.overall(self.draw_severities(rng)))
            for _ in range(SHARES_FROM_DRAWS)
        ]
        return {tier: tiers.count(tier) / len(tiers) for tier in TIERS}

    @property
    def operations_alone(self) -> dict[str, tuple[NoteOperation, ...]]:
        """The operations of each factor at one JND, where listeners begin to notice."""
        return {name: self.factors[name].at(1.0) for name in FACTORS}

    def tier_parameters(self, tier: str) -> dict[str, Any]:
        """Return the validated values that this tier's rows follow from; `audits` changes none.

        All factors affect all tiers, so any edit changes every tier.
        """
        about: dict[str, Any] = self.model_dump(mode="json", exclude={"audits"})
        operations = [operation for factor in self.factors.values() for operation in factor.at(1.0)]
        return about | {"tier": tier, "order": list(self.factors)} | code_versions(operations)
