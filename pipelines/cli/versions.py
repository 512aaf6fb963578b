"""Commands on the versions of a table: which there are, and how the rows of two differ."""

from typing import Annotated

import typer

from degradation.counted import counted
from pipelines.cli.command import CorpusOption, RecipeOption, app, print_table, report_user_error

TableArgument = Annotated[str, typer.Argument(metavar="TABLE", help="Such as samples.")]
SHOWN = 5
"""Names of rows that a line shows."""


@app.command()
@report_user_error
def versions(
    table: TableArgument = "samples",
    recipe: RecipeOption = "phase2",
    last: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 20,
    corpus: CorpusOption = None,
) -> None:
    """List a table's versions: when each was made, by which run, what it changed."""
    from pipelines.workspace import open_workspace
    from storage.changes import list_commits

    commits = list_commits(open_workspace(corpus).named_table(recipe, table), last)
    print_table(
        [
            {
                "version": str(one.version),
                "made (UTC)": f"{one.made_at:%Y-%m-%d %H:%M:%S}",
                "rows": str(one.rows),
                "changed": one.changed,
                "by": one.why,
            }
            for one in commits
        ]
    )


@app.command()
@report_user_error
def diff(
    table: TableArgument,
    before: Annotated[int, typer.Argument(min=0, help="A version.")],
    after: Annotated[int, typer.Argument(min=0, help="A later version.")],
    recipe: RecipeOption = "phase2",
    corpus: CorpusOption = None,
) -> None:
    """Say which rows two versions of a table do not share, and which columns changed."""
    from pipelines.workspace import open_workspace
    from storage.changes import find_difference

    found = find_difference(open_workspace(corpus).named_table(recipe, table), before, after)
    for kind, names in (
        ("added", found.added), ("gone", found.gone), ("changed", found.changed)
    ):  # fmt: skip
        shown = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
        typer.echo(f"{kind:8} {counted(len(names), 'row')}{': ' if names else ''}{shown}")
    for name, count in found.columns.items():
        typer.echo(f"  {name}: {counted(count, 'row')}")
