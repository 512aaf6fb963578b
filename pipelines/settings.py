"""What a person chooses once for the whole project: the corpus, how much of it, and where data go.

`pianograde demo` and `pianograde run` write their choice to `.pianograde/settings.json`, so that
the Dagster UI shows the graph of the corpus that was run last. An environment variable
(`PIANOGRADE_MAESTRO`, `PIANOGRADE_LIMIT`, ...) goes before the file.
"""

import hashlib
import os
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    JsonConfigSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from degradation.config_file import explain
from degradation.errors import UserError
from degradation.recipe import Recipe, load_recipe, recipe_files
from models.config import ExperimentConfig, load_experiment
from storage.corpus import CorpusConfig, choose, load_corpus_config, read_index
from storage.demo_corpus.write import YEARS as DEMO_YEARS

PROJECT = Path(__file__).resolve().parent.parent
CONFIGS = PROJECT / "configs"

MAESTRO_LICENCE = "CC-BY-NC-SA-4.0"
DEMO_LICENCE = "CC0-1.0"


class Settings(BaseSettings):
    """Where things are and what is run; every field can be set by `PIANOGRADE_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="PIANOGRADE_", frozen=True, extra="forbid")

    home: Path = PROJECT / ".pianograde"
    store: str | None = Field(default=None, description="URL of the tables; default HOME/data")
    maestro: Path | None = Field(default=None, description="MAESTRO root; default the demo corpus")
    limit: int | None = Field(default=None, ge=3, description="performances; default all")
    experiment: Path = CONFIGS / "experiments" / "demo.yaml"
    recipes: Path = Field(default=CONFIGS / "recipes", description="folder of recipes")
    licence: str | None = Field(default=None, description="of the performances; by corpus")
    workers: int = Field(default=os.cpu_count() or 1, ge=1)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let arguments go before the environment, and that before the file."""
        remembered = JsonConfigSettingsSource(settings_cls, json_file=choice_file())
        return init_settings, env_settings, remembered

    @cached_property
    def corpus_name(self) -> str:
        """The corpus's name: `demo`, or the root's with the limit, as in `maestro-v3.0.0-20`."""
        if self.maestro is None:
            return "demo"
        name = self.maestro.resolve().name
        return f"{name}-{self.limit}" if self.limit else name

    @cached_property
    def corpus_folder(self) -> str:
        """The folder of this corpus's tables and outputs; no two roots of one name share it."""
        if self.maestro is None:
            return self.corpus_name
        digest = hashlib.sha256(str(self.maestro.resolve()).encode()).hexdigest()
        return f"{self.corpus_name}-{digest[:4]}"

    @cached_property
    def corpus_root(self) -> Path:
        """Where the corpus's MIDI and audio lie."""
        return self.maestro or self.home / "demo-corpus"

    @cached_property
    def corpus_licence(self) -> str:
        """The licence that every row inherits from its performance."""
        return self.licence or (DEMO_LICENCE if self.maestro is None else MAESTRO_LICENCE)

    @cached_property
    def store_url(self) -> str:
        """The URL below which this corpus's tables lie."""
        base = self.store or str(self.home / "data")
        return f"{base.rstrip('/')}/{self.corpus_folder}"

    @cached_property
    def outputs(self) -> Path:
        """The local folder for what is no table: models, reports, pages."""
        return self.home / "outputs" / self.corpus_folder

    def years(self) -> list[str]:
        """Return the years of the corpus, which are half of every partition's key."""
        if self.maestro is None:
            return [str(year) for year in DEMO_YEARS]
        chosen = choose(read_index(self.maestro).entries, self.limit)
        return [str(year) for year in sorted({entry.year for entry in chosen})]

    def corpus_config(self) -> CorpusConfig:
        """Return `configs/corpus.yaml`."""
        return load_corpus_config(CONFIGS / "corpus.yaml")

    def experiment_config(self) -> ExperimentConfig:
        """Return the experiment file, parsed."""
        return load_experiment(self.experiment)


def choice_file() -> Path:
    """Return where the last choice is remembered."""
    return Path(os.environ.get("PIANOGRADE_HOME", PROJECT / ".pianograde")) / "settings.json"


def load_settings(**chosen: Any) -> Settings:
    """Return the settings, `chosen` first. Raises UserError in one line for a bad value."""
    try:
        return Settings(**chosen)
    except ValidationError as error:
        raise UserError(
            f"settings (environment PIANOGRADE_… or {choice_file()}): {explain(error)}"
        ) from error
    except ValueError as error:
        raise UserError(f"{choice_file()} is not JSON ({error}): delete or correct it") from error


def remember(settings: Settings) -> None:
    """Let later commands and the Dagster UI use these settings' corpus and experiment."""
    path = choice_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    unwritten = path.with_suffix(".tmp")
    chosen = settings.model_dump_json(include={"maestro", "limit", "experiment"}, indent=2)
    unwritten.write_text(chosen + "\n", encoding="utf-8")
    unwritten.replace(path)


def recipe_names() -> list[str]:
    """Return the recipes there are, by name."""
    return list(recipe_files(load_settings().recipes))


def find_recipe(name: str) -> Recipe:
    """Return a recipe by name. Raises UserError that names those there are."""
    return load_recipe(load_settings().recipes / f"{name}.yaml")
