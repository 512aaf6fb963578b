"""The typed recipe: how performances are damaged. YAML in, digest out."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from degradation.channel import Bandpass
from degradation.config_file import explain, read_mapping
from degradation.dynamics import DynamicsCompression
from degradation.errors import UserError
from degradation.noise import Noise
from degradation.operation import NoteOperation, Parameters, SoundOperation
from degradation.pitch import WrongNotes
from degradation.render import Instrument
from degradation.timing import OnsetJitter

TIERS = ("pristine", "good", "moderate", "poor")
"""The tiers, from best to worst."""

RECIPE_NAME = r"^[a-z][a-z0-9_]*$"
"""What a recipe may be called: its name is part of table paths, asset keys and SQL schemas."""

NoteDamage = OnsetJitter | WrongNotes | DynamicsCompression
SoundDamage = Bandpass | Noise
Operation = Annotated[NoteDamage | SoundDamage, Field(discriminator="operation")]


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


class Recipe(Parameters):
    """A tiered recipe: each draw of a segment falls into one tier and gets its damage.

    `name` is the YAML file's name. `audio_source` says whether the damaged notes are
    rendered or the corpus's own recording is used, which only sound operations can reach.
    `gates` says what a failed gate on labels or shortcuts does: block training, or warn.
    """

    name: str = Field(pattern=RECIPE_NAME)
    kind: Literal["tiered"]
    seed: int = Field(ge=0)
    draws: int = Field(ge=1, le=64)
    audio_source: Literal["rendered", "recorded"]
    gates: Literal["block", "warn"]
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
                if isinstance(operation, Bandpass) and operation.high_hz >= highest_hz:
                    raise ValueError(
                        f"bandpass.high_hz in tier {name} should lie below half of "
                        f"instrument.sample_rate_hz, {highest_hz:g}, got {operation.high_hz:g}"
                    )
        return self

    def tier_digest(self, tier: str) -> str:
        """Return 16 hexadecimal digits that change when anything about this tier's rows does.

        It covers the validated values, so comments, spaces and the order of keys don't count.
        `gates` changes no row.
        """
        about: dict[str, Any] = self.model_dump(mode="json", exclude={"tiers", "gates"})
        about["tier"] = {tier: self.tiers[tier].model_dump(mode="json")}
        about["probabilities"] = [self.tiers[name].probability for name in TIERS]
        canonical = json.dumps(about, sort_keys=True).encode()
        return hashlib.sha256(canonical).hexdigest()[:16]


def load_recipe(path: Path) -> Recipe:
    """Return the recipe of a YAML file; with `extends: NAME` its keys replace those of NAME.yaml.

    Raises UserError, in one line, for a file that is missing, no YAML, or not a sound recipe.
    """
    values = read_mapping(path)
    if "name" in values:
        raise UserError(f"{path}: name is an unknown key: a recipe is called what its file is")
    if "extends" in values:
        values = _parent_values(path, values.pop("extends")) | values
    try:
        return Recipe.model_validate({"name": path.stem} | values)
    except ValidationError as error:
        raise UserError(f"{path} is not a sound recipe: {explain(error)}") from error


def recipe_files(folder: Path) -> dict[str, Path]:
    """Return the recipes of a folder by name."""
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def _parent_values(path: Path, parent: object) -> dict[str, Any]:
    others = {name: file for name, file in recipe_files(path.parent).items() if file != path}
    if str(parent) not in others:
        raise UserError(
            f"{path}: extends should be another recipe of its folder, one of "
            f"{', '.join(others) or 'none'}, got {parent!r}"
        )
    values = read_mapping(others[str(parent)])
    if "extends" in values:
        raise UserError(
            f"{path}: extends should be a recipe that stands alone, got {parent!r}, which extends "
            f"{values['extends']!r}: extend that one"
        )
    return values
