"""Commands that run the graph: the demo, one's own corpus, pretraining alone, and the UI."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from degradation.errors import UserError
from pipelines.cli.command import (
    CorpusOption,
    ExperimentOption,
    LicenceOption,
    LimitOption,
    MaestroOption,
    RecipeOption,
    app,
    report_user_error,
)

if TYPE_CHECKING:
    from pipelines.corpora import Corpus
    from pipelines.execution.failures import FailedCheck
    from pipelines.execution.stages import Stage
    from pipelines.settings import Settings


@app.command()
@report_user_error
def demo(recipe: RecipeOption = "phase2", experiment: ExperimentOption = None) -> None:
    """Run the whole graph on the built-in corpus: about 24 minutes of music, in some minutes."""
    _run(recipe, lambda settings: add_corpus(settings, "demo", experiment=experiment))


@app.command()
@report_user_error
def run(
    maestro: MaestroOption = None,
    corpus: CorpusOption = None,
    recipe: RecipeOption = "phase2",
    limit: LimitOption = None,
    experiment: ExperimentOption = None,
    licence: LicenceOption = None,
) -> None:
    """Run the whole graph on a corpus: a MAESTRO root of your own, or one that was added."""
    _run(recipe, lambda settings: _find(settings, corpus, maestro, limit, experiment, licence))


@app.command()
@report_user_error
def pretrain(
    maestro: MaestroOption = None,
    corpus: CorpusOption = None,
    limit: LimitOption = None,
    experiment: ExperimentOption = None,
    licence: LicenceOption = None,
) -> None:
    """Pretrain the MIDI encoder alone on a corpus; print what it learnt, field by field."""
    from pipelines.settings import load_settings

    settings = load_settings()
    chosen = _find(settings, corpus, maestro, limit, experiment, licence)

    from models.training.pretraining.result import load_pretraining
    from pipelines.assets.pretraining import pretrained_folder, pretraining_lines
    from pipelines.execution.stages import CORPUS, PRETRAINING
    from pipelines.workspace import Workspace

    _materialise([CORPUS, PRETRAINING], settings, chosen)
    if folder := pretrained_folder(Workspace(settings, chosen)):
        typer.echo("\n".join(pretraining_lines(load_pretraining(folder))))


def _run(recipe_name: str, choose: "Callable[[Settings], Corpus]") -> None:
    """Choose the corpus, then materialise every stage of the graph."""
    from pipelines.settings import find_recipe, load_settings

    find_recipe(recipe_name)
    settings = load_settings()
    corpus = choose(settings)

    from pipelines.execution.runs import record_recipe
    from pipelines.execution.stages import stages

    record_recipe(recipe_name, settings)
    experiments = corpus.experiment_config().experiments
    failed = _materialise(stages(recipe_name, experiments), settings, corpus)
    _print_places(recipe_name, settings, corpus)
    for check in failed:
        kind = "error" if check.is_error else "warning"
        typer.echo(f"check did not pass ({kind}): {check}; `make ui` shows more", err=True)
    if any(check.is_error for check in failed):
        raise typer.Exit(1)


def _find(
    settings: "Settings",
    name: str | None,
    maestro: Path | None,
    limit: int | None,
    experiment: Path | None,
    licence: str | None,
) -> "Corpus":
    """Return the corpus of a command's options: that of a root, or one that was added."""
    from pipelines.corpora import choose_corpus

    if maestro is not None:
        return add_corpus(
            settings, name, maestro=maestro, limit=limit, experiment=experiment, licence=licence
        )
    if limit is not None:
        raise UserError("got --limit without --maestro; expected both: add --maestro ROOT")
    found = choose_corpus(settings, name)
    return add_corpus(
        settings,
        found.name,
        maestro=found.maestro,
        limit=found.limit,
        experiment=experiment,
        licence=licence,
    )


def add_corpus(settings: "Settings", name: str | None, **chosen: Any) -> "Corpus":
    """Write a corpus's file, unless others work on the corpus and would see it change."""
    from pipelines.corpora import planned_corpus, write_corpus

    before, corpus = planned_corpus(settings, name, **chosen)

    from pipelines.execution.runs import refuse_switch

    refuse_switch(settings, before or corpus, corpus)
    write_corpus(settings, corpus)
    return corpus


def _materialise(
    stages: "Sequence[Stage]", settings: "Settings", corpus: "Corpus"
) -> "list[FailedCheck]":
    from pipelines.execution.runs import materialise

    failed = []
    for number, stage in enumerate(stages, start=1):
        typer.echo(f"[{number}/{len(stages)}] {stage.title}", err=True)
        failed += materialise(stage, settings, corpus)
    return failed


def _print_places(recipe_name: str, settings: "Settings", corpus: "Corpus") -> None:
    from pipelines.contents import INDEX
    from pipelines.corpora import corpus_names
    from pipelines.workspace import Workspace

    workspace = Workspace(settings, corpus)
    option = f" --corpus {corpus.name}" if len(corpus_names(settings)) > 1 else ""
    typer.echo(
        f"everything {workspace.output(recipe_name, INDEX)}\n"
        f"report     {workspace.output(recipe_name, 'evaluation') / 'report.html'}\n"
        f"listen     {workspace.output(recipe_name, 'listening_page') / 'listening.html'}\n"
        f"shards     {workspace.table(recipe_name, 'pairs').url}\n"
        f"query      pianograde query{option} "
        f'"select tier, count(*) from {recipe_name}.samples group by 1"\n'
        f"Dagster UI make ui"
    )


def _prepare_ui(settings: "Settings") -> tuple[Path, list[str]]:
    """Return the Dagster home, ready for the UI, and the names of the corpora."""
    from pipelines.corpora import corpus_names
    from pipelines.execution.runs import prepare_ui

    if not corpus_names(settings):
        add_corpus(settings, "demo")
    return prepare_ui(settings), corpus_names(settings)


@app.command()
@report_user_error
def ui(
    port: Annotated[
        int | None, typer.Option(help="Port on 127.0.0.1; reports are served on the next one.")
    ] = None,
) -> None:
    """Serve the Dagster UI, its daemon, and the reports it links to; Ctrl-C ends all."""
    from pipelines.cli.serve import serve
    from pipelines.execution.running_commands import register_command
    from pipelines.settings import load_settings, make_folder

    if port:
        os.environ["PIANOGRADE_PORT"] = str(port)
    settings = load_settings()
    make_folder(settings.outputs)
    # The memory of Dagster and pyarrow would stay with this process, which only waits.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as apart:
        home, corpora = apart.submit(_prepare_ui, settings).result()
    os.environ["DAGSTER_HOME"] = str(home)
    register_command(home / "ui")
    typer.echo(
        f"Dagster UI on http://127.0.0.1:{settings.port}, corpora: {', '.join(corpora)}", err=True
    )
    raise typer.Exit(serve(settings))
