"""The rows of a recipe's pairs that one run made, as asset checks read them."""

import functools
import operator
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import pandas as pd
import pyarrow.compute as pc

from degradation.recipe import Recipe
from pipelines.partitions import TierYear, partition_key
from pipelines.workspace import Workspace
from storage.tables import Table, read_table

RecipeT = TypeVar("RecipeT", bound=Recipe, covariant=True)


@dataclass(frozen=True, slots=True)
class CheckedPairs(Generic[RecipeT]):
    """The partitions of a recipe's pairs that a check judges."""

    recipe: RecipeT
    workspace: Workspace
    partitions: Collection[TierYear]

    @property
    def table(self) -> Table:
        """The table of pairs."""
        return self.workspace.table(self.recipe.name, "pairs")

    @property
    def years(self) -> list[str]:
        """The years of the partitions, in order."""
        return sorted({partition.year for partition in self.partitions})

    def why(self, faults: Iterable[tuple[str, str]]) -> str | None:
        """Return why a check failed: each fault with its partition, or the corpus for no tier."""
        corpus = self.workspace.corpus.name
        return (
            "; ".join(
                f"{partition_key(corpus, tier) if tier else corpus}: {fault}"
                for tier, fault in faults
            )
            or None
        )

    def within(self, partitions: Collection[TierYear]) -> "CheckedPairs[RecipeT]":
        """Return the same recipe's pairs in other partitions."""
        return replace(self, partitions=partitions)

    def read(self, *columns: str, table: str = "pairs") -> pd.DataFrame:
        """Return columns of all rows."""
        wanted = [
            (pc.field("tier") == partition.tier) & (pc.field("year") == int(partition.year))
            for partition in self.partitions
        ]
        rows: pd.DataFrame = (
            read_table(self.workspace.table(self.recipe.name, table))
            .to_table(columns=list(columns), filter=functools.reduce(operator.or_, wanted))
            .to_pandas()
        )
        return rows
