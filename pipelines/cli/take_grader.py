"""The command that fits the take grader, and `reproduce take_grader`."""

from pathlib import Path
from typing import Annotated

import typer

from degradation.errors import UserError
from pipelines.cli.command import CorpusOption, app, report_user_error


@app.command()
@report_user_error
def fit_grader(
    corpus: CorpusOption = None,
    also: Annotated[
        list[str] | None, typer.Option(help="A further corpus to learn from; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn.")] = 0,
    out: Annotated[Path | None, typer.Option(help="A file to copy the grader to.")] = None,
) -> None:
    """Fit a grader of whole takes to one's own music: two minutes for 700 pieces, no sound."""
    from pipelines.corpora import choose_corpus, find_corpus
    from pipelines.settings import load_settings

    settings, further = load_settings(), also or []
    chosen = choose_corpus(settings, corpus)
    others = [find_corpus(settings, name) for name in further]

    from models.document import write_document
    from pipelines.assets.take_grader import RECIPE, grader_lines
    from pipelines.execution.runs import materialise, record_recipe
    from pipelines.execution.stages import CORPUS, grader_stage
    from pipelines.trained import fitted_here
    from pipelines.workspace import Workspace

    record_recipe(RECIPE, settings)
    steps = [(CORPUS, one) for one in (chosen, *others)]
    steps.append((grader_stage(further, seed), chosen))
    for number, (stage, one) in enumerate(steps, start=1):
        typer.echo(f"[{number}/{len(steps)}] {stage.title} of {one.name}", err=True)
        materialise(stage, settings, one)
    made = fitted_here(Workspace(settings, chosen))
    assert made is not None
    typer.echo("\n".join([*grader_lines(made.grader), f"in {made.file}"]))
    if out is not None:
        write_document(out, made.grader)
        typer.echo(f"and {out}")


def reproduce_grader(corpus: str | None, only_check: bool) -> None:
    """Check the record of the installed grader, or of a corpus's own, and fit it again."""
    from pipelines.corpora import find_corpus
    from pipelines.settings import load_settings
    from pipelines.trained import fitted_here, installed
    from pipelines.workspace import Workspace

    settings = load_settings()
    made = installed()
    if corpus is not None:
        own = fitted_here(Workspace(settings, find_corpus(settings, corpus)))
        if own is None:
            raise UserError(
                f"corpus {corpus} has no take grader that this release can read; expected one: "
                f"`pianograde fit-grader --corpus {corpus}`"
            )
        made = own

    from pipelines.execution.running_commands import commands_folder, register_command
    from pipelines.execution.runs import existing_instance
    from pipelines.grader_reproduction import check_grader, compare_graders, fit_again

    with existing_instance(settings) as instance:  # `vacuum` refuses until it has ended
        for music in made.grader.music:
            register_command(commands_folder(instance.root_directory, music.corpus))
    typer.echo(f"take_grader of {made.grader.made.created_at}, in {made.file}")
    findings = []
    for finding in check_grader(made.grader, settings):
        typer.echo(str(finding))
        findings.append(finding)
    if any(finding.missing for finding in findings):
        raise UserError("it cannot be fitted again without what is missing; see these lines")
    if only_check:
        raise typer.Exit(2 if any(finding.fault for finding in findings) else 0)
    again = fit_again(made.grader, settings, lambda line: typer.echo(line, err=True))
    found = compare_graders(made.grader, again)
    if found.differing:
        typer.echo(
            f"differs  {found.differing:,} of {found.numbers:,} numbers of curves and figures, by "
            f"at most {found.largest:.2g}"
        )
        raise typer.Exit(2)
    typer.echo(f"equal    all {found.numbers:,} numbers of curves and figures, bit for bit")
