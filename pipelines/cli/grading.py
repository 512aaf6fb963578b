"""Commands with trained models: grade performances, transcribe them, ask the listeners."""

import io
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from degradation.errors import UserError
from pipelines.cli.command import RecipeOption, app, report_user_error


@app.command()
@report_user_error
def score(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="Performances: MIDI or audio, of any length."),
    ] = None,
    midi: Annotated[Path | None, typer.Option(help="One performance's MIDI.")] = None,
    audio: Annotated[
        Path | None,
        typer.Option(help="One performance's audio; with --midi both begin at the same moment."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="The experiment to grade with; else the best that hears what is given."),
    ] = None,
    transcribe: Annotated[
        bool,
        typer.Option(
            "--transcribe", help="Audio alone: find its notes, and grade those (an extra)."
        ),
    ] = False,
    recipe: RecipeOption = "phase2",
    as_json: Annotated[bool, typer.Option("--json", help="One object a file on a line.")] = False,
) -> None:
    """Grade real performances, MIDI or audio or both: eight scores of 0-100, windows aggregated."""
    given = [*(files or []), *(path for path in (midi, audio) if path is not None)]
    if not given or (files and len(given) > len(files)):
        raise UserError(
            f"got {len(files or [])} FILEs and {len(given) - len(files or [])} of --midi and "
            "--audio; expected either files, each a performance, or one performance as --midi, "
            "--audio or both: name them so"
        )

    from models.inference.sources import Sources, find_sources
    from pipelines.cli import score_table
    from pipelines.settings import find_recipe, load_settings

    one = None if files else Sources(midi=midi, audio=audio)
    names = [one.name] if one else [str(file) for file in given]

    def tell(name: str, error: UserError) -> None:
        typer.echo(f"pianograde: {score_table.printable(f'{name}: {error}')}", err=True)
        if as_json:
            typer.echo(score_table.json_error(name, str(error)))

    settings, chosen = load_settings(), find_recipe(recipe)
    # Before torch is imported, which takes seconds.
    unreadable = list(_unreadable(given))
    if unreadable and (one or len(unreadable) == len(given)):
        for name, (_, error) in zip(names, unreadable, strict=False):
            tell(name, error)
        raise typer.Exit(2)

    from models.config.experiment import EXPERIMENTS
    from models.inference.scorer import Scorer
    from models.inference.transcriber import load_transcriber
    from pipelines.assets.training import model_folder
    from pipelines.workspace import Workspace

    workspace = Workspace(settings)
    scorer = Scorer(
        {name: model_folder(workspace, recipe, name) for name in EXPERIMENTS},
        workspace.settings.corpus_config(),
        chosen.sample_rate_hz,
        model,
        load_transcriber(workspace.settings.experiment_config().torch_threads)
        if transcribe
        else None,
    )
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack a file's letters
    rows, failed = [], False
    if len(names) > 1 and not as_json:
        typer.echo(score_table.heading(names))
    for name, file in zip(names, given, strict=False):
        try:
            scored = scorer.score(one or find_sources(file))
        except UserError as error:
            failed = True
            tell(name, error)
            continue
        if scored.left_out:
            typer.echo(f"pianograde: {score_table.left_out_line(scored)}", err=True)
        if as_json:
            typer.echo(score_table.json_line(scored, chosen))
        elif one or len(names) == 1:
            typer.echo(score_table.block(scored, chosen))
        else:
            rows.append(scored)
            typer.echo(score_table.row(scored, score_table.name_width(names)))
    if rows:
        typer.echo(f"\n{score_table.legend(rows, chosen)}")
    if failed:
        raise typer.Exit(2)


def _unreadable(paths: Iterable[Path]) -> Iterator[tuple[Path, UserError]]:
    """Yield those of the files that are no regular files to read, each with what is told of it."""
    from models.inference.sources import check_regular

    for path in paths:
        try:
            check_regular(path)
        except UserError as error:
            yield path, error


@app.command()
@report_user_error
def transcribe(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Recordings of a piano.")],
    out: Annotated[Path, typer.Option(help="Folder for the MIDI files.")],
) -> None:
    """Write the notes and pedal that are heard in recordings as MIDI (extra `transcription`)."""
    unreadable = list(_unreadable(files))
    if len(unreadable) == len(files):
        for _, error in unreadable:
            typer.echo(f"pianograde: {error}", err=True)
        raise typer.Exit(2)

    from models.inference.transcriber import load_transcriber
    from pipelines.cli.transcribe import transcribe_file
    from pipelines.settings import load_settings

    transcriber = load_transcriber(load_settings().experiment_config().torch_threads)
    failed = False
    for file in files:
        try:
            typer.echo(str(transcribe_file(file, transcriber, out)))
        except UserError as error:
            failed = True
            typer.echo(f"pianograde: {error}", err=True)
    if failed:
        raise typer.Exit(2)


@app.command()
@report_user_error
def validate(
    percepiano: Annotated[
        Path | None, typer.Option(help="A PercePiano checkout; else the one named last.")
    ] = None,
    recipe: RecipeOption = "phase2",
) -> None:
    """Compare labeling functions and trained models with PercePiano's listeners: some minutes."""
    from pipelines.settings import find_recipe, load_settings, remember

    if percepiano is not None:
        os.environ["PIANOGRADE_PERCEPIANO"] = str(percepiano.resolve())
    settings = load_settings()
    if settings.percepiano is None:
        raise UserError(
            "no PercePiano folder is set; expected a checkout of it: add --percepiano FOLDER"
        )
    find_recipe(recipe)

    from storage.percepiano import check_checkout

    check_checkout(settings.percepiano)

    from models.document import read_document
    from models.evaluation.human.document import HumanValidation
    from models.evaluation.human.page import summary_lines
    from pipelines.documents import document_file
    from pipelines.execution.runs import materialise
    from pipelines.execution.stages import recipe_stage
    from pipelines.workspace import Workspace

    if percepiano is not None:
        remember(settings, ["percepiano"])
    materialise(recipe_stage("human validation", recipe, "human_validation"), settings)
    path = document_file(Workspace(settings), recipe, "human_validation")
    for line in summary_lines(read_document(path, HumanValidation)):
        typer.echo(f"- {line}")
    typer.echo(f"\npage       {path.with_suffix('.html')}")
