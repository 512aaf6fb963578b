"""Commands on trained models: list them, and train one again from its record."""

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from degradation.errors import UserError
from pipelines.cli.command import CorpusOption, RecipeOption, app, print_table, report_user_error


@app.command()
@report_user_error
def models(corpus: CorpusOption = None) -> None:
    """List the installed grader and the trained models, with figures on held-out pieces."""
    from pipelines.corpora import corpus_names, find_corpus
    from pipelines.settings import load_settings, recipe_names
    from pipelines.trained import find_trained, fitted_here, installed
    from pipelines.workspace import Workspace

    settings = load_settings()
    workspaces = [
        Workspace(settings, find_corpus(settings, name))
        for name in ([corpus] if corpus else corpus_names(settings))
    ]
    fitted = [one for workspace in workspaces if (one := fitted_here(workspace))]
    trained = [one for each in workspaces for one in find_trained(each, recipe_names())]
    print_table([one.cells() for one in (installed(), *fitted)] + [one.cells() for one in trained])
    if fitted:
        typer.echo(f"in {settings.outputs}/CORPUS/models/take_grader")
    if trained:
        typer.echo(f"in {settings.outputs}/CORPUS/RECIPE/models/EXPERIMENT_FILE/MODEL")
    if not fitted and not trained:
        typer.echo("none of your own yet; next: pianograde demo, or pianograde fit-grader")


@app.command()
@report_user_error
def reproduce(
    model: Annotated[
        str,
        typer.Argument(
            help="An experiment, midi_pretrain, audio_pretrain, or its folder; or take_grader: "
            "the installed one, or with --corpus a corpus's own."
        ),
    ],
    recipe: RecipeOption = "phase2",
    corpus: CorpusOption = None,
    only_check: Annotated[
        bool, typer.Option("--check", help="Only check what the record names; train nothing.")
    ] = False,
) -> None:
    """Check a model's record, and train it again to the same weights: exit code 2 if it differs.

    Tables are read at the versions that the record names. The model itself is left as it is.
    """
    from models.take_grader.document import NAME as TAKE_GRADER

    if model == TAKE_GRADER:
        from pipelines.cli.take_grader import reproduce_grader

        return reproduce_grader(corpus, only_check)

    from pipelines.settings import load_settings
    from pipelines.trained import named_folder, read_record_in
    from pipelines.workspace import open_workspace

    folder = Path(model)
    if not folder.is_dir():
        folder = named_folder(open_workspace(corpus), recipe, model)
    record = read_record_in(folder)
    if record is None:
        raise UserError(
            f"{folder} holds no finished model with a record; expected one that this release "
            "trained: see `pianograde models`, and train it (again)"
        )

    from pipelines.execution.running_commands import commands_folder, register_command
    from pipelines.execution.runs import existing_instance
    from pipelines.reproduction import check, train_again

    settings = load_settings()
    with existing_instance(settings) as instance:  # `vacuum` refuses until it has ended
        register_command(commands_folder(instance.root_directory, record.data.corpus))
    typer.echo(f"{record.experiment} of {record.made.created_at}, in {folder}")
    differing, missing = False, False
    for finding in check(record, folder, settings):
        typer.echo(str(finding))
        differing, missing = differing or bool(finding.fault), missing or finding.missing
    if missing:
        raise UserError("it cannot be trained again without what is missing; see these lines")
    if only_check:
        raise typer.Exit(2 if differing else 0)

    from models.training.hearing.result import NAME as HEARING
    from models.training.hearing.result import HearingResult
    from models.training.pretraining.result import NAME, PretrainingResult
    from models.training.result import Result, TrainingResult, find_best, read_result
    from models.training.weights import compare_weights

    again = train_again(record, settings, lambda line: typer.echo(line, err=True))
    found = compare_weights(find_best(folder), find_best(again))
    kinds: dict[str, type[Result[Any]]] = {NAME: PretrainingResult, HEARING: HearingResult}
    kind = kinds.get(record.experiment, TrainingResult)
    was, now = (read_result(one, kind).best for one in (folder, again))
    if not found.differing:
        typer.echo(f"equal    all {found.numbers:,} weights, bit for bit; {now.summary()}")
        shutil.rmtree(again)
        return
    typer.echo(
        f"differs  {found.differing:,} of {found.numbers:,} weights, by at most "
        f"{found.largest:.2g}\nfigures  epoch {was.epoch}, {was.summary()}; now epoch {now.epoch}, "
        f"{now.summary()}\nsee      {again}"
    )
    raise typer.Exit(2)
