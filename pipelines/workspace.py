"""The places of the tables and outputs of a corpus and its recipes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from degradation.errors import UserError
from models.config.experiment import Experiment, ExperimentConfig
from models.take_grader import document as take_grader
from pipelines.corpora import Corpus, choose_corpus
from pipelines.settings import Settings, load_settings, make_folder, recipe_names
from storage.mirror import fetch_folder, publish_folder
from storage.schema import TABLES
from storage.tables import Table, data_file_rows, partition_of, table_exists

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

PARTITIONED_BY = {
    "performances": ("year",),
    "quarantine": ("stage",),
    "segments": (),
    "twins": (),
}
"""Tables of the corpus; those of a recipe are partitioned by tier and year."""

ASSETS = {name: name for name in TABLES} | {
    "performances": "corpus",
    "quarantine": "corpus",
    "twins": "corpus",
    "pairs_quarantine": "pairs",
}
"""The asset that makes each table."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The tables and outputs of one corpus."""

    settings: Settings
    corpus: Corpus

    @property
    def root(self) -> Path:
        """The folder of the corpus's MIDI and audio."""
        return self.corpus.maestro or self.settings.home / "demo-corpus"

    def experiment_config(self) -> ExperimentConfig:
        """Return the experiment file with which models are trained on the corpus."""
        return self.corpus.experiment_config()

    def years(self) -> list[str]:
        """Return the years of the corpus's performances, in order."""
        parts = data_file_rows(self.corpus_table("performances"))
        return sorted({partition_of(path)["year"] for path in parts})

    def corpus_table(self, name: str) -> Table:
        """Return a table that all recipes share."""
        url = f"{self.settings.store_url}/{self.corpus.name}/{name}"
        way_out = f"materialise corpus and segments of {self.corpus.name}, or `{self.command()}`"
        by = PARTITIONED_BY[name]
        return Table(url=url, schema=TABLES[name][1], partition_by=by, way_out=way_out)

    def table(self, recipe: str, name: str) -> Table:
        """Return a table of one recipe."""
        url = f"{self.settings.store_url}/{self.corpus.name}/{recipe}/{name}"
        asset = f"{recipe}/{ASSETS[name]} of {self.corpus.name}"
        way_out = f"materialise {asset}, or `{self.command(recipe)}`"
        by = ("tier", "year")
        return Table(url=url, schema=TABLES[name][1], partition_by=by, way_out=way_out)

    def named_table(self, recipe: str, name: str) -> Table:
        """Return a table of the corpus or of a recipe. Raises UserError for another name."""
        if name not in TABLES:
            raise UserError(f"no table is called {name!r}; expected one of {', '.join(TABLES)}")
        return self.corpus_table(name) if name in PARTITIONED_BY else self.table(recipe, name)

    def connect(
        self, recipe: str, sql: str, versions: Mapping[str, int] | None = None
    ) -> "DuckDBPyConnection":
        """Return a DuckDB connection for one statement (see `storage.query.connect`)."""
        from storage.query import connect

        of_recipe = [name for name in TABLES if name not in PARTITIONED_BY]
        return connect(
            {name: self.corpus_table(name) for name in PARTITIONED_BY},
            {r: {name: self.table(r, name) for name in of_recipe} for r in recipe_names()},
            recipe,
            sql,
            versions,
        )

    def command(self, recipe: str = "") -> str:
        """Return the command that makes the tables of the corpus, and of a recipe."""
        option = f" --recipe {recipe}" if recipe else ""
        return f"pianograde run --corpus {self.corpus.name}{option}"

    def all_tables(self, recipes: list[str]) -> list[Table]:
        """Return every existing table of this corpus and these recipes."""
        tables = [self.corpus_table(name) for name in PARTITIONED_BY]
        of_recipe = [name for name in TABLES if name not in PARTITIONED_BY]
        tables += [self.table(recipe, name) for recipe in recipes for name in of_recipe]
        return [table for table in tables if table_exists(table)]

    @property
    def outputs(self) -> Path:
        """The local folder of the corpus's models, reports and pages; the store has copies."""
        return self.settings.outputs / self.corpus.name

    def output(self, recipe: str, name: str) -> Path:
        """Return the local folder of a recipe's output, which may not exist."""
        return self.outputs / recipe / name

    def model_folder(self, recipe: str, experiment: Experiment) -> Path:
        """Return where a model lies, or would lie; experiment files of other names have others."""
        return self.output(recipe, f"models/{self.corpus.experiment.stem}/{experiment}")

    @property
    def pretraining_folder(self) -> Path:
        """The folder of the pretrained encoder, which depends on the experiment file's name."""
        return self.outputs / f"models/{self.corpus.experiment.stem}/midi_pretrain"

    def hearing_folder(self, recipe: str) -> Path:
        """Return the folder of a recipe's note detector, which depends on the experiment file."""
        return self.output(recipe, f"models/{self.corpus.experiment.stem}/audio_pretrain")

    @property
    def take_grader_folder(self) -> Path:
        """The folder of the grader of whole takes that was fitted to the corpus."""
        return self.outputs / "models" / take_grader.NAME

    def fetch(self, folder: Path) -> Path:
        """Return a folder of outputs, with what other machines published of it."""
        if self.settings.store is not None:
            fetch_folder(self._stored(folder), folder)
        return folder

    @contextmanager
    def write(self, folder: Path) -> Iterator[Path]:
        """Fetch a folder of outputs, and publish it when the block ends, even by an error."""
        make_folder(folder)
        self.fetch(folder)
        try:
            yield folder
        finally:
            if self.settings.store is not None:
                publish_folder(folder, self._stored(folder))

    def _stored(self, folder: Path) -> str:
        return f"{self.settings.outputs_url}/{folder.relative_to(self.settings.outputs).as_posix()}"


def open_workspace(corpus: str | None) -> Workspace:
    """Return the workspace that a command works on (see `choose_corpus`)."""
    settings = load_settings()
    return Workspace(settings, choose_corpus(settings, corpus))
