"""Corpora: named MAESTRO roots, or parts of them; each is a partition of every asset.

A corpus is a YAML file of the folder `corpora` (a setting; default `HOME/corpora`), named as the
corpus. The built-in `demo` has one as well once it was run.
"""

import hashlib
import re
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from degradation.config_file import explain, read_mapping
from degradation.errors import UserError
from models.config.experiment import ExperimentConfig, load_experiment
from pipelines.settings import CONFIGS, AbsolutePath, Settings
from storage.corpus import choose, read_index
from storage.files import whole_file
from storage.licence import DEMO_LICENCE, find_licence

DEMO = "demo"
NAME = r"[a-z0-9][a-z0-9_.-]{0,60}"
"""Names of corpora: they are partition keys, folders and parts of URLs."""


class Corpus(BaseModel):
    """A corpus, and the experiment file with which models are trained on it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=f"^{NAME}$", exclude=True)
    maestro: AbsolutePath | None = Field(default=None, description="the root; null for the demo")
    limit: int | None = Field(default=None, ge=3, description="performances; default all")
    licence: str | None = Field(default=None, description="of the performances; default the root's")
    experiment: AbsolutePath = CONFIGS / "experiments" / "demo.yaml"

    @property
    def found_licence(self) -> str:
        """The licence that every row inherits: the one given, or the root's own."""
        return self.licence or (find_licence(self.maestro) if self.maestro else DEMO_LICENCE)

    def experiment_config(self) -> ExperimentConfig:
        """Return the experiment file, parsed."""
        return load_experiment(self.experiment)


def corpus_file(settings: Settings, name: str) -> Path:
    """Return the YAML file of a corpus, whether it exists or not."""
    return settings.corpora_folder / f"{name}.yaml"


def corpus_names(settings: Settings) -> list[str]:
    """Return the names of all corpora whose file has an allowed name, in order."""
    names = (path.stem for path in settings.corpora_folder.glob("*.yaml"))
    return sorted(name for name in names if re.fullmatch(NAME, name))


def find_corpus(settings: Settings, name: str) -> Corpus:
    """Return a corpus by name. Raises UserError where there is none or its file is broken."""
    path = corpus_file(settings, name)
    if name == DEMO and not path.exists():
        return Corpus(name=DEMO)
    if not path.exists():
        raise UserError(
            f"there is no corpus {name}; expected one of {_listed(corpus_names(settings))}: add it "
            f"with `pianograde corpus add {name} --maestro ROOT`"
        )
    return _validated(path.name, {"name": name, **read_mapping(path)})


def choose_corpus(settings: Settings, name: str | None) -> Corpus:
    """Return the corpus that a command works on: the one named, or the only one.

    `name` defaults to the setting `corpus`. Raises UserError where several could be meant.
    """
    names = corpus_names(settings)
    if chosen := name or settings.corpus:
        return find_corpus(settings, chosen)
    if len(names) > 1:
        raise UserError(
            f"there are several corpora ({_listed(names)}); expected one: add --corpus NAME"
        )
    return find_corpus(settings, names[0]) if names else Corpus(name=DEMO)


def planned_corpus(
    settings: Settings,
    name: str | None,
    *,
    maestro: Path | None = None,
    limit: int | None = None,
    licence: str | None = None,
    experiment: Path | None = None,
) -> tuple[Corpus | None, Corpus]:
    """Return a corpus as it is (None: there is none), and as it will be with what is given.

    Without a name it is called after the root and the limit, as in `maestro-v3.0.0-20`. An existing
    corpus keeps the licence and the experiment file that are not given. Raises UserError where the
    name belongs to another root or limit, and for a root that is none.
    """
    asked = _validated(
        "corpus", {"name": name or derived_name(maestro, limit), "maestro": maestro, "limit": limit}
    )
    before = find_corpus(settings, asked.name) if asked.name in corpus_names(settings) else None
    if before and (before.maestro, before.limit) != (asked.maestro, asked.limit):
        if name:
            raise UserError(
                f"corpus {name} is {before.maestro or 'the demo'}, limit {before.limit}; expected "
                f"another name for {maestro}, limit {limit}: `pianograde corpus add OTHER-NAME`"
            )
        digest = hashlib.sha256(str(asked.maestro).encode()).hexdigest()[:4]
        return planned_corpus(
            settings,
            f"{asked.name}-{digest}",
            maestro=maestro,
            limit=limit,
            licence=licence,
            experiment=experiment,
        )
    chosen = {"licence": licence, "experiment": experiment}
    given = {key: value for key, value in chosen.items() if value is not None}
    planned = _validated("corpus", {"name": asked.name, **(before or asked).model_dump(), **given})
    planned.experiment_config()
    if planned.maestro:
        shares = settings.corpus_config().split_shares
        choose(read_index(planned.maestro).entries, planned.limit, shares)
    return before, planned


def write_corpus(settings: Settings, corpus: Corpus) -> None:
    """Write a corpus's file."""
    content = yaml.safe_dump(corpus.model_dump(mode="json", exclude_none=True), sort_keys=False)
    path = corpus_file(settings, corpus.name)
    with whole_file(str(path.parent), path.name) as file:
        file.write(content.encode())


def derived_name(maestro: Path | None, limit: int | None) -> str:
    """Return the name of a corpus that was given none."""
    if maestro is None:
        return DEMO
    root = re.sub(r"[^a-z0-9_.-]+", "-", maestro.expanduser().resolve().name.lower())
    name = root.strip("-._")[:50] or "root"
    return f"{name}-{limit}" if limit else name


def _validated(source: str, values: dict[str, object]) -> Corpus:
    try:
        return Corpus.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{source}: {explain(error)}") from error


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none yet"
