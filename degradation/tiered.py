"""A tiered recipe: each draw of a segment falls into one tier and gets that tier's damage."""

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from degradation.channel import Bandpass
from degradation.equaliser import Equaliser
from degradation.operation import NoteOperation, Parameters, SoundOperation
from degradation.operations import NoteDamage, Operation, SoundDamage
from degradation.recipe_base import TIERS, RecipeBase, digest_of
from degradation.render import Instrument


class TierDamage(Parameters):
    """One tier: how often it is drawn, what scores it gives, and what it does, in order."""

    probability: float = Field(ge=0, le=1)
    scores: tuple[float, float]
    operations: tuple[Operation, ...]

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
    def _each_stands_once(cls, operations: tuple[Operation, ...]) -> tuple[Operation, ...]:
        # Its name is that of its stream of randomness, and of its edits in the row.
        names = [operation.operation for operation in operations]
        if len(set(names)) < len(names):
            raise ValueError(f"each operation may stand once in a tier, got {', '.join(names)}")
        return operations

    @property
    def note_operations(self) -> tuple[NoteOperation, ...]:
        """The operations on the playing, in order."""
        return tuple(op for op in self.operations if isinstance(op, NoteDamage))

    @property
    def sound_operations(self) -> tuple[SoundOperation, ...]:
        """The operations on the recording, in order; they come after rendering."""
        return tuple(op for op in self.operations if isinstance(op, SoundDamage))


class TieredRecipe(RecipeBase):
    """Four tiers of damage, all heard on one instrument."""

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
        """The instruments that a row may be played on."""
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
    def struck_alone(self) -> dict[str, tuple[NoteOperation, ...]]:
        """The operations on notes of each tier."""
        return {tier: damage.note_operations for tier, damage in self.tiers.items()}

    def tier_digest(self, tier: str) -> str:
        """Return 16 hexadecimal digits that change when anything about this tier's rows does.

        It covers the validated values, so comments, spaces and the order of keys don't count;
        `audits` changes no row.
        """
        about: dict[str, Any] = self.model_dump(mode="json", exclude={"tiers", "audits"})
        about["tier"] = {tier: self.tiers[tier].model_dump(mode="json")}
        about["probabilities"] = [self.tiers[name].probability for name in TIERS]
        return digest_of(about)


def _frequencies_hz(operation: Operation) -> dict[str, float]:
    """Return the frequencies that an operation's filters are made for, by their keys."""
    if isinstance(operation, Bandpass):
        return {"high_hz": operation.high_hz}
    if isinstance(operation, Equaliser):
        return {f"bands[{at}].frequency_hz": b.frequency_hz for at, b in enumerate(operation.bands)}
    return {}
