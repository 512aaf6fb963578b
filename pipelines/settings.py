"""The settings of the project: where data are stored, and how much of the machine is used.

Each is an environment variable, `PIANOGRADE_HOME` and so on. What is made of which music is no
setting: see `pipelines.corpora`.
"""

import errno
import os
import re
import string
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from joblib import cpu_count
from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from degradation.config_file import explain
from degradation.errors import UserError
from degradation.recipe import RECIPE_NAME, Recipe, load_recipe, recipe_files
from degradation.recipe_base import TAKEN_NAMES
from pipelines.execution.engine import Engine
from storage.corpus import CorpusConfig, load_corpus_config

PROJECT = Path(__file__).resolve().parent.parent
CONFIGS = PROJECT / "configs"


def _absolute(path: Path) -> Path:
    return Path(os.path.expanduser(path)).resolve()


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
"""An absolute path, which worker processes, Dagster and links understand alike; `~` is expanded."""


class Settings(BaseSettings):
    """Every field can be set by the environment variable `PIANOGRADE_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix="PIANOGRADE_", env_ignore_empty=True, frozen=True, extra="forbid"
    )

    home: AbsolutePath = PROJECT / ".pianograde"
    store: str | None = Field(
        default=None,
        description="URL of tables and copies of outputs; default: tables in HOME/data",
    )
    corpora: AbsolutePath | None = Field(
        default=None, description="folder of corpora; default HOME/corpora"
    )
    corpus: str | None = Field(default=None, description="of commands that name none")
    recipes: AbsolutePath = Field(default=CONFIGS / "recipes", description="folder of recipes")
    percepiano: AbsolutePath | None = Field(
        default=None, description="a PercePiano checkout, for human validation"
    )
    teachers: AbsolutePath | None = Field(
        default=None, description="a folder of recordings rated by teachers"
    )
    workers: int = Field(default=cpu_count(), ge=1)
    dask_scheduler: str | None = Field(
        default=None, description="address of a Dask scheduler; default: processes of this machine"
    )
    transcription_rows: int = Field(
        default=96, ge=0, description="clips of each test split to transcribe; 0 for none"
    )
    transcription_budget_s: float = Field(
        default=600.0, gt=0, description="seconds for them, a split"
    )
    port: int = Field(
        default=3000, ge=1, le=65534, description="of the UI; reports are on the next"
    )
    pages_url: str | None = Field(
        default=None, description="URL of the folder of outputs; default http://127.0.0.1:PORT+1"
    )
    alert: str | None = Field(
        default=None, description="shell command that is told of each failed run, as JSON"
    )
    fresh_days: int = Field(
        default=30, ge=0, description="days after which an asset counts as overdue; 0 for never"
    )

    @property
    def corpora_folder(self) -> Path:
        """The folder of the corpora's YAML files."""
        return self.corpora or self.home / "corpora"

    @cached_property
    def store_url(self) -> str:
        """The URL of the folder of all tables, or an absolute path."""
        base = (self.store or str(self.home / "data")).rstrip("/")
        if "://" in base or base.startswith("file:"):  # no URL has a space, but a folder may
            return quote(base, safe=string.punctuation)
        return str(_absolute(Path(base)))

    @property
    def outputs_url(self) -> str:
        """The URL of the copies of models, reports and pages, where a store is set."""
        return f"{self.store_url}/_outputs"  # no corpus can have this name

    @property
    def engine(self) -> Engine:
        """Where the tasks of a step run."""
        return Engine(workers=self.workers, scheduler=self.dask_scheduler)

    @property
    def outputs(self) -> Path:
        """The local folder of models, reports and pages."""
        return self.home / "outputs"

    def link(self, output: Path) -> str:
        """Return the URL of an output: browsers follow no `file:` links from the Dagster UI.

        `pianograde ui` serves outputs to this machine; `pages_url` is where a team serves them.
        """
        base = self.pages_url or f"http://127.0.0.1:{self.port + 1}"
        return f"{base.rstrip('/')}/{quote(output.relative_to(self.outputs).as_posix())}"

    def corpus_config(self) -> CorpusConfig:
        """Return `configs/corpus.yaml`."""
        return load_corpus_config(CONFIGS / "corpus.yaml")


def load_settings(**chosen: Any) -> Settings:
    """Return the settings, overridden by `chosen`. Raises UserError for a bad value."""
    try:
        return Settings(**chosen)
    except ValidationError as error:
        raise UserError(f"settings (environment PIANOGRADE_…): {explain(error)}") from error


def recipe_names() -> list[str]:
    """Return the names of all recipes; a file whose name is not allowed is none (`find_recipe`)."""
    names = recipe_files(load_settings().recipes)
    return [n for n in names if re.fullmatch(RECIPE_NAME, n) and n not in TAKEN_NAMES]


def find_recipe(name: str) -> Recipe:
    """Return a recipe by name. Raises UserError when there is none, naming those that exist."""
    return load_recipe(load_settings().recipes / f"{name}.yaml")


def make_folder(path: Path) -> Path:
    """Return a writable folder, created if necessary. Raises UserError where that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise UserError(
            f"nothing can be written to {path} ({error.strerror}); expected a folder for what is "
            "made: allow it, or set PIANOGRADE_HOME to another"
        ) from error
    return path
