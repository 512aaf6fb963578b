"""What every recipe says, whatever its kind."""

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from degradation.operation import Parameters

TIERS = ("pristine", "good", "moderate", "poor")
"""The tiers, from best to worst."""

RECIPE_NAME = r"^[a-z][a-z0-9_]*$"
"""What a recipe may be called: its name is part of table paths, asset keys and SQL schemas."""


TAKEN_NAMES = frozenset(
    {"performances", "quarantine", "segments", "twins"}
    | {"main", "information_schema", "pg_catalog", "memory", "system", "temp"}
)
"""What a recipe may not be called: tables of the corpus, and schemas and catalogs of DuckDB."""


def refuse_taken(name: str) -> str:
    """Return a recipe's name. Raises ValueError for one that is taken."""
    if name in TAKEN_NAMES:
        raise ValueError(f"should be none of {', '.join(sorted(TAKEN_NAMES))}, got {name!r}")
    return name


class RecipeBase(Parameters):
    """`name` is the YAML file's name.

    `audio_source` says whether the damaged notes are rendered or the corpus's own recording is
    used, which only sound operations can reach. `audits` says what happens when the check of an
    audit fails: the run stops before training, or it goes on with a warning.
    """

    name: Annotated[str, AfterValidator(refuse_taken)] = Field(pattern=RECIPE_NAME)
    seed: int = Field(ge=0)
    draws: int = Field(ge=1, le=64)
    audio_source: Literal["rendered", "recorded"]
    audits: Literal["block", "warn"]


def digest_of(about: dict[str, Any]) -> str:
    """Return 16 hexadecimal digits of JSON values; the order of keys doesn't count."""
    canonical = json.dumps(about, sort_keys=True).encode()
    return hashlib.sha256(canonical).hexdigest()[:16]
