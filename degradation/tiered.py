"""A tiered recipe: each draw of a segment falls into a tier and gets its damage."""

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from degradation.operation import NoteOperation, Operation, Parameters, SoundOperation
from degradation.operations import AnyOperation
from degradation.recipe_base import TIERS, RecipeBase, code_versions
from degradation.render import Instrument
from degradation.sound_effects import Bandpass, Equaliser


class TierDamage(Parameters):
    """A tier's probability, range of scores, and operations in order."""

    probability: float = Field(ge=0, le=1)
    scores: tuple[float, float]
    operations: tuple[AnyOperation, ...]

    @field_validator("scores")
    @classmethod
    def _scores_are_a_range(cls, scores: tuple[float, float]) -> tuple[float, float]:
        low, high = scores
        if not 0 <= low < high <= 100:
            raise ValueError(
                f"should be [low, high] with 0 <= low < high <= 100, got [{low:g}, {high:g}]"
            )
        return scores

    @field_validator("operations")
    @classmethod
    def _each_is_unique(cls, operations: tuple[AnyOperation, ...]) -> tuple[AnyOperation, ...]:
        # Its name identifies its random stream, and its edits in the row.
        names = [operation.operation for operation in operations]
        if len(set(names)) < len(names):
            raise ValueError(f"each operation may stand once in a tier, got {', '.join(names)}")
        return operations

    @property
    def note_operations(self) -> tuple[NoteOperation, ...]:
        """The operations on the playing, in order."""
        return tuple(op for op in self.operations if isinstance(op, NoteOperation))

    @property
    def sound_operations(self) -> tuple[SoundOperation, ...]:
        """The operations on the recording, in order."""
        return tuple(op for op in self.operations if isinstance(op, SoundOperation))


class TieredRecipe(RecipeBase):
    """Four tiers of damage, all rendered with one instrument."""

    kind: Literal["tiered"]
    instrument: Instrument
    tiers: dict[str, TierDamage]

    @field_validator("tiers")
    @classmethod
    def _tiers_are_complete(cls, tiers: dict[str, TierDamage]) -> dict[str, TierDamage]:
        if set(tiers) != set(TIERS):
            raise ValueError(f"should be {', '.join(TIERS)}, got {', '.join(tiers) or 'none'}")
        total = sum(tier.probability for tier in tiers.values())
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the probabilities should sum to 1, got {total:g}")
        return {tier: tiers[tier] for tier in TIERS}

    @model_validator(mode="after")
    def _bands_fit_the_sample_rate(self) -> Self:
        highest_hz = self.instrument.sample_rate_hz / 2
        for name, tier in self.tiers.items():
            for operation in tier.operations:
                for key, frequency_hz in _frequencies_hz(operation).items():
                    if frequency_hz >= highest_hz:
                        raise ValueError(
                            f"{operation.operation}.{key} in tier {name} should lie below half of "
                            f"instrument.sample_rate_hz, {highest_hz:g}, got {frequency_hz:g}"
                        )
        return self

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The instruments that rows are rendered with."""
        return (self.instrument,)

    @property
    def sample_rate_hz(self) -> int:
        """Sample rate of every row's audio."""
        return self.instrument.sample_rate_hz

    @property
    def tier_shares(self) -> dict[str, float]:
        """How often each tier is drawn."""
        return {tier: damage.probability for tier, damage in self.tiers.items()}

    @property
    def operations_alone(self) -> dict[str, tuple[NoteOperation, ...]]:
        """The operations on notes of each tier."""
        return {tier: damage.note_operations for tier, damage in self.tiers.items()}

    def tier_parameters(self, tier: str) -> dict[str, Any]:
        """Return the validated values that this tier's rows follow from; `audits` changes none.

        The versions of the tier's operations are among them where they are not the first.
        """
        about: dict[str, Any] = self.model_dump(mode="json", exclude={"tiers", "audits"})
        about["tier"] = {tier: self.tiers[tier].model_dump(mode="json")}
        about["probabilities"] = [self.tiers[name].probability for name in TIERS]
        damage = self.tiers[tier]
        return about | code_versions([*damage.note_operations, *damage.sound_operations])


def _frequencies_hz(operation: Operation) -> dict[str, float]:
    """Return the frequencies of an operation's filters by their keys."""
    if isinstance(operation, Bandpass):
        return {"high_hz": operation.high_hz}
    if isinstance(operation, Equaliser):
        return {f"bands[{at}].frequency_hz": b.frequency_hz for at, b in enumerate(operation.bands)}
    return {}
