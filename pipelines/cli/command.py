"""What every command shares: the app, its options, and how errors are told."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, ParamSpec

import typer

from degradation.errors import UserError
from pipelines.execution.errors import StepError
from pipelines.execution.signals import KEPT, exit_on_signal

app = typer.Typer(
    help="Expert piano performances, damaged in recorded ways, labelled and learnt from.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

P = ParamSpec("P")
RecipeOption = Annotated[str, typer.Option(help="A recipe: a YAML file of configs/recipes.")]
MaestroOption = Annotated[Path, typer.Option(help="A MAESTRO root: the folder with its CSV.")]
LimitOption = Annotated[
    int | None, typer.Option(help="So many performances, spread over years and splits.")
]
ExperimentOption = Annotated[
    Path | None, typer.Option(help="Sizes and rates of the models: a YAML file; else the demo's.")
]
LicenceOption = Annotated[
    str | None, typer.Option(help="Of the performances; else the root's LICENSE file says.")
]


GOING_ON = ("demo", "run", "pretrain", "validate", "listen", "fetch_maestro")
"""Commands that go on where they were ended when they are given again."""


def report_user_error(command: Callable[P, None]) -> Callable[P, None]:
    """End a person's error in one line and exit code 2, without a traceback; a signal likewise."""

    @functools.wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            _expect_a_folder()
            with exit_on_signal(KEPT if command.__name__ in GOING_ON else ""):
                command(*args, **kwargs)
        except UserError as error:
            typer.echo(f"pianograde: {error}", err=True)
            raise typer.Exit(2) from error
        except StepError as error:
            typer.echo(f"pianograde: {error}", err=True)
            raise typer.Exit(1) from error

    return guarded


def _expect_a_folder() -> None:
    """Raise UserError when the folder that one is in was deleted: libraries ask for it anywhere."""
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise UserError(
            "the folder that you are in was deleted; expected one that is there: cd to another"
        ) from error
