"""Commands on corpora: add one, list them, remove one."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.command import (
    ExperimentOption,
    LicenceOption,
    LimitOption,
    app,
    print_table,
    report_user_error,
)

corpora = typer.Typer(no_args_is_help=True, help="Corpora: add, list, remove.")
app.add_typer(corpora, name="corpus")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Lower-case letters, digits, -.")]


@corpora.command()
@report_user_error
def add(
    name: NameArgument,
    maestro: Annotated[Path, typer.Option(help="A MAESTRO root: the folder with its CSV.")],
    limit: LimitOption = None,
    experiment: ExperimentOption = None,
    licence: LicenceOption = None,
) -> None:
    """Add a corpus, or change the licence and the experiment file of one; nothing is made yet."""
    from pipelines.cli.graph import add_corpus
    from pipelines.execution.runs import prepare_corpora
    from pipelines.settings import load_settings
    from pipelines.verification import index_miscounts, performances_made
    from pipelines.workspace import Workspace

    settings = load_settings()
    corpus = add_corpus(
        settings, name, maestro=maestro, limit=limit, experiment=experiment, licence=licence
    )
    prepare_corpora(settings)
    typer.echo(f"{corpus.name} added")
    workspace = Workspace(settings, corpus)
    if (made := performances_made(workspace)) and (miscounts := index_miscounts(workspace)):
        typer.echo(
            f"tables of {made} performances are there, made by another choice: {len(miscounts)} "
            f"differ; `pianograde plan --corpus {corpus.name}` says what the next run makes again"
        )
    typer.echo(f"next: pianograde run --corpus {corpus.name}")


@corpora.command("list")
@report_user_error
def list_() -> None:
    """List the corpora, with their roots, limits and experiment files."""
    from pipelines.corpora import corpus_names, find_corpus
    from pipelines.settings import load_settings

    settings = load_settings()
    found = [find_corpus(settings, name) for name in corpus_names(settings)]
    rows = [
        {
            "corpus": corpus.name,
            "root": str(corpus.maestro or "built in"),
            "limit": str(corpus.limit or "all"),
            "experiment": corpus.experiment.stem,
            "licence": corpus.found_licence,
        }
        for corpus in found
    ]
    if rows:
        print_table(rows)
    else:
        typer.echo("none yet; next: pianograde corpus add NAME --maestro ROOT")


@corpora.command()
@report_user_error
def remove(name: NameArgument) -> None:
    """Remove a corpus from the list and from Dagster's partitions; what was made of it stays."""
    from pipelines.corpora import corpus_file, find_corpus
    from pipelines.execution.runs import prepare_corpora, refuse_while_under_way
    from pipelines.settings import load_settings, recipe_names
    from pipelines.workspace import Workspace

    settings = load_settings()
    workspace = Workspace(settings, find_corpus(settings, name))
    refuse_while_under_way(settings, name, "would make tables that no corpus names")
    corpus_file(settings, name).unlink()
    prepare_corpora(settings)
    tables = f"{settings.store_url}/{name}" if workspace.all_tables(recipe_names()) else ""
    outputs = str(workspace.outputs) if workspace.outputs.exists() else ""
    places = " and ".join(filter(None, (tables, outputs)))
    stays = f"what was made stays in {places}: delete it if you do not need it"
    typer.echo(f"{name} removed; {stays if places else 'nothing was made of it'}")
