"""What all commands share: the app, common options, and how errors are reported."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, ParamSpec

import typer

from degradation.errors import UserError
from pipelines.execution.errors import StepError
from pipelines.execution.signals import RESUME_HINT, exit_on_signal

app = typer.Typer(
    help="Expert piano performances, damaged in recorded ways, labelled and learnt from.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

P = ParamSpec("P")
RecipeOption = Annotated[str, typer.Option(help="A recipe: a YAML file of configs/recipes.")]
MaestroOption = Annotated[
    Path | None, typer.Option(help="A MAESTRO root: the folder with its CSV.")
]
CorpusOption = Annotated[
    str | None, typer.Option(help="A corpus (see `pianograde corpus list`). Default: the only one.")
]
LimitOption = Annotated[
    int | None, typer.Option(help="Maximum number of performances, spread over years and splits.")
]
ExperimentOption = Annotated[
    Path | None, typer.Option(help="Sizes and rates of the models: a YAML file; else the demo's.")
]
LicenceOption = Annotated[
    str | None,
    typer.Option(help="Licence of the performances. Default: the LICENSE file's."),
]

RESUMABLE = (
    "demo",
    "run",
    "pretrain",
    "fit_grader",
    "validate",
    "listen",
    "fetch_maestro",
    "reproduce",
)
"""Commands that resume when they are given again."""


def report_user_error(command: Callable[P, None]) -> Callable[P, None]:
    """Report errors in one line, without a traceback: exit code 2 for the user's, else 1.

    A signal, too, ends the command with one line.
    """

    @functools.wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            _check_working_folder()
            with exit_on_signal(RESUME_HINT if command.__name__ in RESUMABLE else ""):
                command(*args, **kwargs)
        except (UserError, StepError) as error:
            typer.echo(f"pianograde: {error}", err=True)
            raise typer.Exit(2 if isinstance(error, UserError) else 1) from error

    return guarded


def _check_working_folder() -> None:
    """Raise UserError when the working folder was deleted: libraries ask for it anywhere."""
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise UserError(
            "the folder that you are in was deleted; expected one that is there: cd to another"
        ) from error


def print_table(rows: Sequence[dict[str, str]]) -> None:
    """Print rows of the same columns, aligned; numbers to the right."""
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in rows[0]}
    for row in ({name: name for name in widths}, *rows):
        cells = [
            text.rjust(widths[name]) if rows[0][name][:1].isdigit() else text.ljust(widths[name])
            for name, text in row.items()
        ]
        typer.echo("  ".join(cells).rstrip())
