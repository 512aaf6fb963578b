"""Commands on corpora: add one, list them, remove one."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.command import (
    ExperimentOption,
    LicenceOption,
    LimitOption,
    app,
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

    settings = load_settings()
    corpus = add_corpus(
        settings, name, maestro=maestro, limit=limit, experiment=experiment, licence=licence
    )
    prepare_corpora(settings)
    typer.echo(f"{corpus.name} added\nnext: pianograde run --corpus {corpus.name}")


@corpora.command("list")
@report_user_error
def list_() -> None:
    """List the corpora, with their roots, limits and experiment files."""
    from pipelines.corpora import corpus_names, find_corpus
    from pipelines.settings import load_settings

    settings = load_settings()
    for name in corpus_names(settings):
        corpus = find_corpus(settings, name)
        limit = f", {corpus.limit} performances" if corpus.limit else ""
        root = corpus.maestro or "built in"
        typer.echo(f"{name:<24} {root}{limit}; {corpus.experiment.stem}, {corpus.found_licence}")


@corpora.command()
@report_user_error
def remove(name: NameArgument) -> None:
    """Remove a corpus from the list and from Dagster's partitions; what was made of it stays."""
    from pipelines.corpora import corpus_file, find_corpus
    from pipelines.execution.runs import prepare_corpora, refuse_while_under_way
    from pipelines.settings import load_settings
    from pipelines.workspace import Workspace

    settings = load_settings()
    workspace = Workspace(settings, find_corpus(settings, name))
    refuse_while_under_way(settings, name, "would make tables that no corpus names")
    corpus_file(settings, name).unlink()
    prepare_corpora(settings)
    typer.echo(
        f"{name} removed; what was made stays in {settings.store_url}/{name} and "
        f"{workspace.outputs}: delete them if you do not need them"
    )
