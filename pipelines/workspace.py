"""Which table of which corpus and recipe lies where."""

from dataclasses import dataclass
from pathlib import Path

from pipelines.settings import Settings
from storage.schema import TABLES
from storage.tables import Table

PARTITIONED_BY = {
    "performances": ("year",),
    "quarantine": ("stage",),
    "segments": (),
}
"""Tables of the corpus; those of a recipe are partitioned by tier and year."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The tables and outputs of one corpus."""

    settings: Settings

    def corpus_table(self, name: str) -> Table:
        """Return a table that all recipes share."""
        url = f"{self.settings.store_url}/{name}"
        return Table(url=url, schema=TABLES[name][1], partition_by=PARTITIONED_BY[name])

    def table(self, recipe: str, name: str) -> Table:
        """Return a table of one recipe."""
        url = f"{self.settings.store_url}/{recipe}/{name}"
        return Table(url=url, schema=TABLES[name][1], partition_by=("tier", "year"))

    def output(self, recipe: str, name: str) -> Path:
        """Return the local folder for a recipe's models, reports or pages."""
        folder = self.settings.outputs / recipe / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder
