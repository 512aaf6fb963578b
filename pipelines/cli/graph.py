"""Commands that run the graph: the demo, one's own corpus, pretraining alone, and the UI."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.command import (
    ExperimentOption,
    LicenceOption,
    LimitOption,
    MaestroOption,
    RecipeOption,
    app,
    report_user_error,
)

if TYPE_CHECKING:
    from pipelines.execution.runs import FailedCheck
    from pipelines.execution.stages import Stage
    from pipelines.settings import Settings


@app.command()
@report_user_error
def demo(recipe: RecipeOption = "phase2") -> None:
    """Run the whole graph on the built-in corpus: about 24 minutes of music, in some minutes."""
    _run(recipe, maestro=None, limit=None, experiment=None, licence=None)


@app.command()
@report_user_error
def run(
    maestro: MaestroOption,
    recipe: RecipeOption = "phase2",
    limit: LimitOption = None,
    experiment: ExperimentOption = None,
    licence: LicenceOption = None,
) -> None:
    """Run the whole graph on a MAESTRO root of your own."""
    _run(recipe, maestro=maestro, limit=limit, experiment=experiment, licence=licence)


@app.command()
@report_user_error
def pretrain(
    maestro: MaestroOption,
    limit: LimitOption = None,
    experiment: ExperimentOption = None,
    licence: LicenceOption = None,
) -> None:
    """Pretrain the MIDI encoder alone on a MAESTRO root; print what it learnt, field by field."""
    settings = _choose(maestro=maestro, limit=limit, experiment=experiment, licence=licence)

    from models.training.pretraining.result import load_pretraining
    from pipelines.assets.pretraining import pretrained_folder, pretraining_lines
    from pipelines.execution.stages import pretraining_stages
    from pipelines.workspace import Workspace

    _materialise(pretraining_stages(), settings)
    if folder := pretrained_folder(Workspace(settings)):
        typer.echo("\n".join(pretraining_lines(load_pretraining(folder))))


def _run(recipe_name: str, **chosen: Any) -> None:
    """Choose the corpus, then materialise every stage of the graph."""
    from pipelines.settings import find_recipe

    find_recipe(recipe_name)
    settings = _choose(**chosen)

    from pipelines.execution.runs import observe_recipe
    from pipelines.execution.stages import stages

    observe_recipe(recipe_name, settings)
    failed = _materialise(stages(recipe_name, settings.experiment_config().experiments), settings)
    _print_places(recipe_name, settings)
    for check in failed:
        kind = "error" if check.is_error else "warning"
        typer.echo(f"check did not pass ({kind}): {check.name}; `make ui` shows why", err=True)
    if any(check.is_error for check in failed):
        raise typer.Exit(1)


def _choose(**chosen: Any) -> "Settings":
    """Check and remember a corpus and an experiment file; without one, the demo's."""
    from pipelines.settings import CONFIGS, load_settings, remember

    # Steps and workers read the choice from the file, which the environment would override.
    for name in chosen:
        os.environ.pop(f"PIANOGRADE_{name.upper()}", None)
    chosen["experiment"] = chosen["experiment"] or CONFIGS / "experiments" / "demo.yaml"
    settings = load_settings(**chosen)
    settings.experiment_config()
    settings.years()

    from pipelines.execution.runs import refuse_switch

    refuse_switch(settings, chosen)
    remember(settings, chosen)
    return settings


def _materialise(stages: "Sequence[Stage]", settings: "Settings") -> "list[FailedCheck]":
    from pipelines.execution.runs import materialise

    failed = []
    for number, stage in enumerate(stages, start=1):
        typer.echo(f"[{number}/{len(stages)}] {stage.title}", err=True)
        failed += materialise(stage, settings)
    return failed


def _print_places(recipe_name: str, settings: "Settings") -> None:
    from pipelines.workspace import Workspace

    workspace = Workspace(settings)
    typer.echo(
        f"report     {workspace.output_path(recipe_name, 'evaluation') / 'report.html'}\n"
        f"listen     {workspace.output_path(recipe_name, 'listening_page') / 'listening.html'}\n"
        f"shards     {workspace.table(recipe_name, 'pairs').url}\n"
        f'query      pianograde query "select tier, count(*) from {recipe_name}.samples group by 1"'
        "\n"
        f"Dagster UI make ui"
    )


@app.command()
@report_user_error
def ui(
    port: Annotated[
        int | None, typer.Option(help="Port on 127.0.0.1; reports are served on the next one.")
    ] = None,
) -> None:
    """Serve the Dagster UI, its daemon, and the reports it links to; Ctrl-C ends all."""
    from pipelines.cli.serve import serve
    from pipelines.execution.runs import prepare_dagster_home
    from pipelines.settings import load_settings

    if port:
        os.environ["PIANOGRADE_PORT"] = str(port)
    settings = load_settings()
    settings.years()
    prepare_dagster_home(settings)
    typer.echo(
        f"Dagster UI on http://127.0.0.1:{settings.port}, corpus {settings.corpus_name}", err=True
    )
    raise typer.Exit(serve(settings))
