"""Commands that look after what was made and change nothing."""

from typing import Annotated

import typer

from degradation.errors import UserError
from pipelines.cli.command import CorpusOption, app, print_table, report_user_error

RecipesOption = Annotated[
    list[str] | None, typer.Option("--recipe", help="A recipe, or several. Default: all.")
]


@app.command()
@report_user_error
def verify(
    corpus: CorpusOption = None,
    recipe: RecipesOption = None,
    rows: Annotated[int, typer.Option(min=0, help="Rows of each recipe to make again.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Which rows: another seed, others.")] = 0,
) -> None:
    """Check all tables: files, checksums, columns, counts, audio, MIDI, rows made again."""
    from pipelines.settings import find_recipe, recipe_names
    from pipelines.workspace import open_workspace

    workspace = open_workspace(corpus)
    for name in recipe or ():
        find_recipe(name)

    from pipelines.execution.runs import refuse_while_under_way
    from pipelines.verification import verify as verify_tables
    from pipelines.verified import faults_of, summary

    refuse_while_under_way(
        workspace.settings, workspace.corpus.name, "change what would be counted"
    )
    found = verify_tables(workspace, recipe or recipe_names(), rows, seed)
    if not found:
        raise UserError(
            f"corpus {workspace.corpus.name} has no tables; expected some: "
            f"`pianograde run --corpus {workspace.corpus.name}`"
        )
    print_table(summary(found))
    for fault in (faults := faults_of(found)):
        typer.echo(fault)
    if faults:
        raise typer.Exit(1)


@app.command()
@report_user_error
def plan(corpus: CorpusOption = None, recipe: RecipesOption = None) -> None:
    """Say what is stale and why, how many rows, minutes and GB it will take; nothing runs."""
    from pipelines.settings import find_recipe, recipe_names
    from pipelines.workspace import open_workspace

    workspace = open_workspace(corpus)
    for name in recipe or ():
        find_recipe(name)

    from pipelines.definitions import defs
    from pipelines.execution.runs import existing_instance
    from pipelines.plan import plan as find_stale
    from pipelines.plan import recipes_made, total_line

    recipes = recipe or recipes_made(workspace, recipe_names()) or ["phase2"]
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    with existing_instance(workspace.settings) as instance:
        planned = find_stale(workspace, recipes, instance, specs)
    if not planned:
        typer.echo(f"nothing is stale: {workspace.corpus.name}, {', '.join(recipes)}")
        return
    print_table([one.cells() for one in planned])
    typer.echo(total_line(planned))
