"""The keys of every recipe, whatever its kind."""

import hashlib
import json
from abc import abstractmethod
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from degradation.operation import Operation, Parameters

TIERS = ("pristine", "good", "moderate", "poor")
"""The tiers, from best to worst."""

RECIPE_NAME = r"^[a-z][a-z0-9_]*$"
"""Valid names: they are part of table paths, asset keys and SQL schemas."""

TAKEN_NAMES = frozenset(
    {"performances", "quarantine", "segments", "twins"}
    | {"main", "information_schema", "pg_catalog", "memory", "system", "temp"}
)
"""Names that are refused: tables of the corpus, and schemas and catalogs of DuckDB."""


def refuse_taken(name: str) -> str:
    """Return a recipe's name. Raises ValueError for one of `TAKEN_NAMES`."""
    if name in TAKEN_NAMES:
        raise ValueError(f"should be none of {', '.join(sorted(TAKEN_NAMES))}, got {name!r}")
    return name


class RecipeBase(Parameters):
    """`name` is the YAML file's name.

    With `audio_source` `rendered` the damaged notes are rendered; with `recorded` the corpus's own
    recording is used, to which only sound operations apply. `audits` says whether a failed audit
    stops the run before training or is a warning.
    """

    name: Annotated[str, AfterValidator(refuse_taken)] = Field(pattern=RECIPE_NAME)
    seed: int = Field(ge=0)
    draws: int = Field(ge=1, le=64)
    audio_source: Literal["rendered", "recorded"]
    audits: Literal["block", "warn"]

    @abstractmethod
    def tier_parameters(self, tier: str) -> dict[str, Any]:
        """Return the JSON values that the rows of a tier follow from."""

    def tier_digest(self, tier: str) -> str:
        """Return 16 hexadecimal digits that change when anything about this tier's rows does.

        Comments, spaces and the order of keys don't count.
        """
        canonical = json.dumps(self.tier_parameters(tier), sort_keys=True).encode()
        return hashlib.sha256(canonical).hexdigest()[:16]


def code_versions(operations: Iterable[Operation]) -> dict[str, dict[str, int]]:
    """Return the versions of operations whose code gives other rows than its first version did."""
    raised = {one.operation: one.CODE_VERSION for one in operations if one.CODE_VERSION > 1}
    return {"code_versions": raised} if raised else {}
