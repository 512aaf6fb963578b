"""The settings of the project: the corpus, how much of it, and where data are stored.

`pianograde demo`, `run` and `pretrain` write their choice to `.pianograde/settings.json`, so that
the Dagster UI shows the corpus that was run last. Environment variables (`PIANOGRADE_MAESTRO`,
`PIANOGRADE_LIMIT`, ...) override the file and are never written to it.
"""

import hashlib
import json
import os
import re
import string
from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from joblib import cpu_count
from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    JsonConfigSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from degradation.config_file import explain
from degradation.errors import UserError
from degradation.recipe import RECIPE_NAME, Recipe, load_recipe, recipe_files
from degradation.recipe_base import TAKEN_NAMES
from models.config.experiment import ExperimentConfig, load_experiment
from storage.corpus import CorpusConfig, choose, load_corpus_config, read_index
from storage.demo_corpus import YEARS as DEMO_YEARS
from storage.files import whole_file
from storage.licence import DEMO_LICENCE, find_licence

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
    store: str | None = Field(default=None, description="URL of the tables; default HOME/data")
    maestro: AbsolutePath | None = Field(default=None, description="default: the demo corpus")
    limit: int | None = Field(default=None, ge=3, description="performances; default all")
    experiment: AbsolutePath = CONFIGS / "experiments" / "demo.yaml"
    recipes: AbsolutePath = Field(default=CONFIGS / "recipes", description="folder of recipes")
    licence: str | None = Field(default=None, description="of the performances; by corpus")
    percepiano: AbsolutePath | None = Field(
        default=None, description="a PercePiano checkout, for human validation"
    )
    workers: int = Field(default=cpu_count(), ge=1)
    transcription_rows: int = Field(
        default=96, ge=0, description="clips of each test split to transcribe; 0 for none"
    )
    transcription_budget_s: float = Field(
        default=600.0, gt=0, description="seconds for them, a split"
    )
    port: int = Field(
        default=3000, ge=1, le=65534, description="of the UI; reports are on the next"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let arguments override the environment, and that the file."""
        remembered = JsonConfigSettingsSource(settings_cls, json_file=choice_file())
        return init_settings, env_settings, remembered

    @cached_property
    def corpus_name(self) -> str:
        """The corpus's name: `demo`, or the root's with the limit, as in `maestro-v3.0.0-20`."""
        if self.maestro is None:
            return "demo"
        name = self.maestro.resolve().name
        return f"{name}-{self.limit}" if self.limit else name

    @property
    def of_whole_root(self) -> "Settings":
        """The same settings without a limit."""
        return Settings(**{**self.model_dump(), "limit": None})

    @cached_property
    def corpus_folder(self) -> str:
        """The folder of this corpus's tables and outputs, different for roots of the same name."""
        if self.maestro is None:
            return self.corpus_name
        digest = hashlib.sha256(str(self.maestro.resolve()).encode()).hexdigest()
        return f"{self.corpus_name}-{digest[:4]}"

    @cached_property
    def corpus_root(self) -> Path:
        """The folder of the corpus's MIDI and audio."""
        return self.maestro or self.home / "demo-corpus"

    @cached_property
    def corpus_licence(self) -> str:
        """The licence that every row inherits from its performance: chosen, or the root's own."""
        return self.licence or (find_licence(self.maestro) if self.maestro else DEMO_LICENCE)

    @cached_property
    def store_url(self) -> str:
        """The URL of the folder of this corpus's tables."""
        base = (self.store or str(self.home / "data")).rstrip("/")
        if "://" in base or base.startswith("file:"):  # no URL has a space, but a root's name may
            return f"{quote(base, safe=string.punctuation)}/{quote(self.corpus_folder)}"
        return f"{_absolute(Path(base))}/{self.corpus_folder}"

    @cached_property
    def outputs(self) -> Path:
        """The local folder for models, reports and pages."""
        return self.home / "outputs" / self.corpus_folder

    def link(self, output: Path) -> str:
        """Return the URL of an output while `pianograde ui` runs.

        Browsers do not follow `file:` links from the page of the Dagster UI.
        """
        place = quote(output.relative_to(self.home / "outputs").as_posix())
        return f"http://127.0.0.1:{self.port + 1}/{place}"

    def years(self) -> list[str]:
        """Return the years of the corpus, one dimension of the partitions."""
        if self.maestro is None:
            return [str(year) for year in DEMO_YEARS]
        shares = self.corpus_config().split_shares
        chosen = choose(read_index(self.maestro).entries, self.limit, shares)
        return [str(year) for year in sorted({entry.year for entry in chosen})]

    def corpus_config(self) -> CorpusConfig:
        """Return `configs/corpus.yaml`."""
        return load_corpus_config(CONFIGS / "corpus.yaml")

    def experiment_config(self) -> ExperimentConfig:
        """Return the experiment file, parsed."""
        return load_experiment(self.experiment)


def choice_file() -> Path:
    """Return the file of the last choice."""
    home = os.environ.get("PIANOGRADE_HOME") or PROJECT / ".pianograde"
    return _absolute(Path(home)) / "settings.json"


def load_settings(**chosen: Any) -> Settings:
    """Return the settings, overridden by `chosen`. Raises UserError for a bad value."""
    try:
        return Settings(**chosen)
    except ValidationError as error:
        raise UserError(
            f"settings (environment PIANOGRADE_… or {choice_file()}): {explain(error)}"
        ) from error
    except ValueError as error:
        raise UserError(f"{choice_file()} is not JSON ({error}): delete or correct it") from error


def remember(settings: Settings, names: Collection[str]) -> None:
    """Write the fields `names` to the file, for later commands and the UI; others stay."""
    path = choice_file()
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    chosen = settings.model_dump(mode="json", include=set(names))
    content = json.dumps(before | chosen, indent=2) + "\n"
    with whole_file(str(path.parent), path.name) as file:
        file.write(content.encode())


def recipe_names() -> list[str]:
    """Return the names of all recipes. Raises UserError for a file whose name is not allowed."""
    names = list(recipe_files(load_settings().recipes))
    for name in names:
        if not re.fullmatch(RECIPE_NAME, name) or name in TAKEN_NAMES:
            raise UserError(
                f"recipe file {name}.yaml can't be used; expected a name of lower-case letters, "
                "digits and _, which begins with a letter and is none of "
                f"{', '.join(sorted(TAKEN_NAMES))}: rename it"
            )
    return names


def find_recipe(name: str) -> Recipe:
    """Return a recipe by name. Raises UserError when there is none, naming those that exist."""
    return load_recipe(load_settings().recipes / f"{name}.yaml")
