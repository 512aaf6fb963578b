"""The typed recipe: how performances are damaged. YAML in, digest out."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from degradation.channel import Bandpass
from degradation.dynamics import DynamicsCompression
from degradation.errors import UserError
from degradation.noise import Noise
from degradation.operation import NoteOperation, Parameters, SoundOperation
from degradation.pitch import WrongNotes
from degradation.render import Instrument
from degradation.timing import OnsetJitter

TIERS = ("pristine", "good", "moderate", "poor")
"""The tiers, from best to worst."""

Tier = Literal["pristine", "good", "moderate", "poor"]
Operation = Annotated[
    OnsetJitter | WrongNotes | DynamicsCompression | Bandpass | Noise,
    Field(discriminator="operation"),
]


class TierDamage(Parameters):
    """One tier: how often it is drawn, what scores it gives, and what it does, in order."""

    probability: float = Field(ge=0, le=1)
    scores: tuple[float, float]
    operations: tuple[Operation, ...]

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        low, high = self.scores
        if not 0 <= low < high <= 100:
            raise ValueError(f"scores must be [low, high] with 0 <= low < high <= 100, got {self.scores}")
        names = [operation.operation for operation in self.operations]
        if len(set(names)) != len(names):
            raise ValueError(f"an operation may stand once in a tier, got {names}")
        return self

    @property
    def note_operations(self) -> tuple[NoteOperation, ...]:
        """The operations on the playing, in order."""
        return tuple(op for op in self.operations if hasattr(op, "draw"))

    @property
    def sound_operations(self) -> tuple[SoundOperation, ...]:
        """The operations on the recording, in order; they come after rendering."""
        return tuple(op for op in self.operations if hasattr(op, "transform"))


class Recipe(Parameters):
    """A tiered recipe: each draw of a segment falls into one tier and gets its damage.

    `name` is the YAML file's name. `audio_source` says whether the damaged notes are
    rendered or the corpus's own recording is used, which only sound operations can reach.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: Literal["tiered"]
    seed: int = Field(ge=0)
    draws: int = Field(ge=1, le=64)
    audio_source: Literal["rendered", "recorded"]
    instrument: Instrument
    tiers: dict[Tier, TierDamage]

    @model_validator(mode="after")
    def _tiers_are_complete(self) -> Self:
        if set(self.tiers) != set(TIERS):
            raise ValueError(f"tiers must be {', '.join(TIERS)}, got {', '.join(self.tiers)}")
        total = sum(tier.probability for tier in self.tiers.values())
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the tiers' probabilities must sum to 1, got {total:g}")
        return self

    def tier_digest(self, tier: str) -> str:
        """Return 16 hexadecimal digits that change when anything about this tier's rows does.

        It covers the validated values, so comments, spaces and the order of keys don't count.
        """
        about: dict[str, Any] = self.model_dump(mode="json", exclude={"tiers"})
        about["tier"] = {tier: self.tiers[tier].model_dump(mode="json")}  # type: ignore[index]
        about["probabilities"] = [self.tiers[name].probability for name in TIERS]  # type: ignore[index]
        canonical = json.dumps(about, sort_keys=True).encode()
        return hashlib.sha256(canonical).hexdigest()[:16]


def load_recipe(path: Path) -> Recipe:
    """Return the recipe of a YAML file; with `extends: NAME` its keys replace those of NAME.yaml.

    Raises UserError, in one line, for a file that is missing, no YAML, or not a sound recipe.
    """
    values = _read_yaml(path)
    if parent := values.pop("extends", None):
        values = _read_yaml(path.with_name(f"{parent}.yaml")) | values
    try:
        return Recipe(name=path.stem, **values)
    except (ValidationError, TypeError) as error:
        raise UserError(f"recipe {path.name} is not sound: {explain(error)}") from error


def recipe_files(folder: Path) -> dict[str, Path]:
    """Return the recipes of a folder by name."""
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        there = ", ".join(recipe_files(path.parent)) or "none"
        raise UserError(
            f"recipe {path} cannot be read ({error.strerror}); recipes there are: {there}"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(
            f"recipe {path.name} is not YAML: {' '.join(str(error).split())}: correct that line"
        ) from error
    if not isinstance(values, dict):
        raise UserError(f"recipe {path.name} must be a mapping of keys, got {type(values).__name__}")
    return values


def explain(error: ValidationError | TypeError) -> str:
    """Return pydantic's findings in one line: where, what was expected, what was got."""
    if isinstance(error, TypeError):
        return str(error)
    findings = []
    for finding in error.errors(include_url=False):
        where = ".".join(str(step) for step in finding["loc"]) or "recipe"
        got = finding["input"]
        shown = "" if isinstance(got, dict) or finding["type"] == "missing" else f", got {got!r}"
        findings.append(f"{where}: {finding['msg']}{shown}")
    return "; ".join(findings)
