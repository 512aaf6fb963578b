"""Which table of which corpus and recipe lies where."""

from dataclasses import dataclass
from pathlib import Path

from pipelines.settings import Settings
from storage.schema import TABLES
from storage.tables import Table, table_exists

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

    def all_tables(self, recipes: list[str]) -> list[Table]:
        """Return every table that was made of this corpus and these recipes."""
        tables = [self.corpus_table(name) for name in PARTITIONED_BY]
        of_recipe = [name for name in TABLES if name not in PARTITIONED_BY]
        tables += [self.table(recipe, name) for recipe in recipes for name in of_recipe]
        return [table for table in tables if table_exists(table)]

    def corpus_output(self, name: str) -> Path:
        """Return the local folder for what all recipes share."""
        folder = self.settings.outputs / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def output(self, recipe: str, name: str) -> Path:
        """Return the local folder for a recipe's models, reports or pages."""
        folder = self.settings.outputs / recipe / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder
