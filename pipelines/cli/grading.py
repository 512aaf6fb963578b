"""Commands with trained models: grade performances, transcribe them, ask the listeners."""

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from degradation.errors import UserError
from pipelines.cli.command import CorpusOption, RecipeOption, app, report_user_error

if TYPE_CHECKING:
    from models.inference.scorer import Scorer
    from models.inference.take_scorer import TakeScorer
    from pipelines.workspace import Workspace


@app.command()
@report_user_error
def score(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="Performances: MIDI or audio, of any length; folders of them; - is what is piped.",
        ),
    ] = None,
    midi: Annotated[Path | None, typer.Option(help="One performance's MIDI.")] = None,
    audio: Annotated[
        Path | None,
        typer.Option(help="One performance's audio; with --midi both begin at the same moment."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="The experiment to grade with. Default: of notes the installed take_grader, of "
            "sound alone the best that was trained."
        ),
    ] = None,
    transcribe: Annotated[
        bool,
        typer.Option(
            "--transcribe", help="Audio alone: find its notes, and grade those (an extra)."
        ),
    ] = False,
    recipe: Annotated[
        str | None,
        typer.Option(help="Grade with a model trained on this recipe, not with the installed one."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One object a file on a line.")] = False,
    html: Annotated[
        Path | None,
        typer.Option(metavar="PAGE", help="Write a page that explains the grades of one or two."),
    ] = None,
    corpus: CorpusOption = None,
) -> None:
    """Grade real performances, MIDI or audio or both: 0-100, with the model's own error."""
    given = [*(files or []), *(path for path in (midi, audio) if path is not None)]
    if not given or (files and len(given) > len(files)):
        raise UserError(
            f"got {len(files or [])} FILEs and {len(given) - len(files or [])} of --midi and "
            "--audio; expected either files, each a performance, or one performance as --midi, "
            "--audio or both: name them so"
        )

    from models.inference.sources import Sources
    from pipelines.cli import score_table
    from pipelines.cli.performances import fault_of, find_performances
    from pipelines.cli.scorers import by_take_grader, take_scorer, trained_scorer

    def refuse(name: str, error: UserError) -> None:
        typer.echo(f"pianograde: {score_table.error_line(name, str(error))}", err=True)
        if as_json:
            typer.echo(score_table.json_error(name, str(error)))

    performances = list(find_performances(context, files or [], midi, audio))
    if html is not None:
        _check_page(html, len(performances))
    readable = [found for _, found in performances if isinstance(found, Sources)]
    # Cheap checks come first: torch takes seconds to import.
    if not readable:
        for name, found in performances:
            assert isinstance(found, UserError)
            refuse(name, found)
        raise typer.Exit(2)
    scorer: Scorer | TakeScorer
    try:
        if by_take_grader(recipe, model, corpus, transcribe, readable):
            scorer, chosen = take_scorer(transcribe)
        else:
            scorer, chosen = trained_scorer(recipe or "phase2", model, corpus, transcribe)
    except UserError as error:
        if len(performances) > 1 and not as_json:
            raise
        for name, found in performances:
            refuse(name, fault_of(found) or error)
        raise typer.Exit(2) from None
    from pipelines.cli.score_page import make_take, write_page

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack a file's letters
    names = [name for name, _ in performances]
    rows, takes, failed = [], [], False
    if len(names) > 1 and not as_json:
        typer.echo(score_table.heading(names, chosen))
    for name, found in performances:
        try:
            if isinstance(found, UserError):
                raise found
            whole = scorer.grade(found)
            graded = whole.score
            if html is not None:
                takes.append(make_take(whole, found, chosen))
        except UserError as error:
            failed = True
            refuse(name, error)
            continue
        if graded.left_out:
            typer.echo(f"pianograde: {score_table.left_out_line(graded)}", err=True)
        if as_json:
            typer.echo(score_table.json_line(graded, chosen))
        elif len(names) == 1:
            typer.echo(score_table.block(graded, chosen))
        else:
            rows.append(graded)
            typer.echo(score_table.row(graded, score_table.name_width(names), chosen))
    if rows:
        typer.echo(f"\n{score_table.legend(rows, score_table.name_width(names), chosen)}")
    if failed:
        raise typer.Exit(2)
    if html is not None:
        typer.echo(f"page {write_page(html, takes, chosen)}", err=as_json)


def _check_page(page: Path, count: int) -> None:
    """Raise UserError where no page of `count` performances can be written."""
    if not 1 <= count <= 2:
        raise UserError(
            f"--html got {count} performances; expected one or two: name them, or leave out --html"
        )
    if not page.parent.is_dir():
        raise UserError(
            f"{page.parent} is no folder; expected one to write {page.name} into: make it first"
        )


@app.command()
@report_user_error
def transcribe(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Recordings of a piano.")],
    out: Annotated[Path, typer.Option(help="Folder for the MIDI files.")],
) -> None:
    """Transcribe recordings to MIDI files, notes and pedal (extra `transcription`)."""
    from models.inference.sources import why_unreadable

    reasons = [reason for file in files if (reason := why_unreadable(file))]
    if len(reasons) == len(files):
        for reason in reasons:
            typer.echo(f"pianograde: {reason}", err=True)
        raise typer.Exit(2)

    from joblib import cpu_count

    from models.inference.transcriber import load_transcriber
    from pipelines.cli.transcribe import transcribe_file

    transcriber = load_transcriber(cpu_count())
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
        Path | None, typer.Option(help="A PercePiano checkout; else PIANOGRADE_PERCEPIANO.")
    ] = None,
    teachers: Annotated[
        Path | None,
        typer.Option(help="Recordings rated by teachers; else PIANOGRADE_TEACHERS."),
    ] = None,
    recipe: RecipeOption = "phase2",
    corpus: CorpusOption = None,
) -> None:
    """Compare labeling functions and trained models with people's ratings: some minutes."""
    from pipelines.settings import find_recipe
    from pipelines.workspace import open_workspace

    for name, folder in (("PERCEPIANO", percepiano), ("TEACHERS", teachers)):
        if folder is not None:
            os.environ[f"PIANOGRADE_{name}"] = str(folder.resolve())
    workspace = open_workspace(corpus)
    settings = workspace.settings
    if settings.percepiano is None and settings.teachers is None:
        raise UserError(
            "no ratings are set; expected a PercePiano checkout or a folder of rated recordings: "
            "add --percepiano FOLDER or --teachers FOLDER"
        )
    find_recipe(recipe)
    stages = []
    if settings.percepiano is not None:
        from storage.percepiano import check_checkout

        check_checkout(settings.percepiano)
        stages.append("human_validation")
    if settings.teachers is not None:
        from storage.teachers import read_teachers

        read_teachers(settings.teachers)
        stages.append("teacher_validation")

    from pipelines.execution.runs import materialise
    from pipelines.execution.stages import models_stage

    for name in stages:
        materialise(models_stage(name.replace("_", " "), recipe, name), settings, workspace.corpus)
    for name in stages:
        _print_validation(workspace, recipe, name)


def _print_validation(workspace: "Workspace", recipe: str, name: str) -> None:
    from models.config.experiment import EXPERIMENTS
    from models.document import read_document
    from models.evaluation.human.document import HumanValidation, TeacherValidation
    from models.evaluation.human.page import summary_lines
    from models.take_grader.document import NAME
    from pipelines.cli.command import print_table
    from pipelines.documents import document_file

    path = document_file(workspace, recipe, name)
    if name == "human_validation":
        for line in summary_lines(read_document(path, HumanValidation)):
            typer.echo(f"- {line}")
    else:
        found = read_document(path, TeacherValidation)
        models = (*EXPERIMENTS, NAME)
        print_table(
            [
                {
                    "grader": one.kind if one.kind in models else f"{one.kind}: {one.name}",
                    "all recordings": f"{one.pooled.rho:+.2f}",
                    "within piece": f"{one.within.rho:+.2f}",
                }
                for one in (*found.teachers, found.plain, *found.overall)
            ]
        )
    typer.echo(f"\npage       {path.with_suffix('.html')}")
