"""The command line: thin, and silent about anything but what a person asked for.

Dagster is imported inside the commands: `--help` and the worker processes do without it.
"""

import functools
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec

import typer

from degradation.errors import UserError
from pipelines.errors import StepError

if TYPE_CHECKING:
    from pipelines.runs import FailedCheck, Stage
    from pipelines.settings import Settings

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


def told_in_one_line(command: Callable[P, None]) -> Callable[P, None]:
    """End a person's error in one line and exit code 2, without a traceback."""

    @functools.wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except UserError as error:
            typer.echo(f"pianograde: {error}", err=True)
            raise typer.Exit(2) from error
        except StepError as error:
            typer.echo(f"pianograde: {error}", err=True)
            raise typer.Exit(1) from error

    return guarded


@app.command()
@told_in_one_line
def demo() -> None:
    """Run the whole graph on the built-in corpus: about 24 minutes of music, in some minutes."""
    _run("phase2", maestro=None, limit=None, experiment=None, licence=None)


@app.command()
@told_in_one_line
def run(
    maestro: MaestroOption,
    recipe: RecipeOption = "phase2",
    limit: LimitOption = None,
    experiment: ExperimentOption = None,
    licence: LicenceOption = None,
) -> None:
    """Run the whole graph on a MAESTRO root of your own."""
    _run(recipe, maestro=maestro, limit=limit, experiment=experiment, licence=licence)


@app.command()
@told_in_one_line
def pretrain(
    maestro: MaestroOption,
    limit: LimitOption = None,
    experiment: ExperimentOption = None,
    licence: LicenceOption = None,
) -> None:
    """Pretrain the MIDI encoder alone on a MAESTRO root, and say what it learnt, field by field."""
    settings = _choose(maestro=maestro, limit=limit, experiment=experiment, licence=licence)

    from models.pretraining.checkpoint import load_pretraining
    from pipelines.assets.pretraining import pretrained_folder, pretraining_lines
    from pipelines.runs import pretraining_stages
    from pipelines.workspace import Workspace

    _materialise(pretraining_stages(), settings)
    if folder := pretrained_folder(Workspace(settings)):
        typer.echo("\n".join(pretraining_lines(load_pretraining(folder))))


def _run(recipe_name: str, **chosen: Any) -> None:
    """Choose the corpus, then materialise every stage of the graph."""
    from pipelines.settings import find_recipe

    find_recipe(recipe_name)
    settings = _choose(**chosen)

    from pipelines.runs import observe_recipe, stages

    observe_recipe(recipe_name, settings)
    failed = _materialise(stages(recipe_name, settings.experiment_config().experiments), settings)
    _say_where(recipe_name)
    for check in failed:
        kind = "error" if check.is_error else "warning"
        typer.echo(f"check did not pass ({kind}): {check.name}; `make ui` shows why", err=True)
    if any(check.is_error for check in failed):
        raise typer.Exit(1)


def _choose(**chosen: Any) -> "Settings":
    """Check and remember a corpus and an experiment file; without one, the demo's."""
    from pipelines.settings import CONFIGS, load_settings, remember

    # The worker processes and Dagster read the same choice from the environment.
    for name in chosen:
        os.environ.pop(f"PIANOGRADE_{name.upper()}", None)
    chosen["experiment"] = chosen["experiment"] or CONFIGS / "experiments" / "demo.yaml"
    settings = load_settings(**chosen)
    settings.experiment_config()
    settings.years()

    from pipelines.runs import refuse_switch

    refuse_switch(settings)
    remember(settings)
    return settings


def _materialise(stages: "Sequence[Stage]", settings: "Settings") -> "list[FailedCheck]":
    from pipelines.runs import materialise

    failed = []
    for number, stage in enumerate(stages, start=1):
        typer.echo(f"[{number}/{len(stages)}] {stage.title}", err=True)
        failed += materialise(stage, settings)
    return failed


def _say_where(recipe_name: str) -> None:
    from pipelines.settings import load_settings
    from pipelines.workspace import Workspace

    workspace = Workspace(load_settings())
    typer.echo(
        f"report     {workspace.output(recipe_name, 'evaluation') / 'report.html'}\n"
        f"listen     {workspace.output(recipe_name, 'listening_page') / 'listening.html'}\n"
        f"shards     {workspace.table(recipe_name, 'pairs').url}\n"
        f'query      pianograde query "select tier, count(*) from {recipe_name}.samples group by 1"'
        "\n"
        f"Dagster UI make ui"
    )


@app.command()
@told_in_one_line
def query(
    sql: Annotated[str, typer.Argument(help="One SELECT in DuckDB's SQL.")],
    recipe: RecipeOption = "phase2",
    csv: Annotated[bool, typer.Option("--csv", help="Every row, as CSV.")] = False,
) -> None:
    """Query the tables: samples, pairs, heuristics, segments, performances, quarantine."""
    from pipelines.settings import load_settings, recipe_names
    from pipelines.workspace import PARTITIONED_BY, Workspace
    from storage.query import connect, run_query
    from storage.schema import TABLES

    workspace = Workspace(load_settings())
    of_recipe = [name for name in TABLES if name not in PARTITIONED_BY]
    connection = connect(
        {name: workspace.corpus_table(name) for name in PARTITIONED_BY},
        {r: {name: workspace.table(r, name) for name in of_recipe} for r in recipe_names()},
        recipe,
    )
    relation = run_query(connection, sql)
    if csv:
        relation.to_df().to_csv(sys.stdout, index=False)
    else:
        typer.echo(str(relation))


@app.command()
@told_in_one_line
def export(
    out: Annotated[Path, typer.Option(help="An empty folder.")],
    recipe: RecipeOption = "phase2",
) -> None:
    """Write the shards as plain Parquet, a few files a split: `datasets.load_dataset(OUT)`."""
    from pipelines.settings import find_recipe, load_settings
    from pipelines.workspace import Workspace
    from storage.export import export_shards

    find_recipe(recipe)
    workspace = Workspace(load_settings())
    pairs, heuristics = workspace.table(recipe, "pairs"), workspace.table(recipe, "heuristics")
    for path in export_shards(pairs, heuristics, out):
        typer.echo(str(path))


@app.command()
@told_in_one_line
def replay(
    sample_id: Annotated[str, typer.Argument(help="The row's sample_id.")],
    out: Annotated[Path, typer.Option(help="Folder for the files.")],
) -> None:
    """Make one row's MIDI and audio again, before and after, and say what was done to it."""
    from pipelines.settings import load_settings, recipe_names
    from pipelines.workspace import Workspace
    from storage.replay import find_row, write_replay

    settings = load_settings()
    workspace = Workspace(settings)
    row = find_row([workspace.table(name, "pairs") for name in recipe_names()], sample_id)
    for path in write_replay(row, settings.corpus_root, out):
        typer.echo(str(path))


@app.command()
@told_in_one_line
def listen(recipe: RecipeOption = "phase2") -> None:
    """Make the listening page again and open it in a browser."""
    from pipelines.runs import Stage, materialise
    from pipelines.settings import find_recipe, load_settings
    from pipelines.workspace import Workspace

    settings = load_settings()
    find_recipe(recipe)
    stage = Stage(title="listening page", assets=((recipe, "listening_page"),), partitioned=False)
    materialise(stage, settings)
    page = Workspace(settings).output(recipe, "listening_page") / "listening.html"
    typer.echo(str(page))
    typer.launch(page.as_uri())


@app.command()
@told_in_one_line
def tidy(
    keep: Annotated[int, typer.Option(min=1, help="Versions of each table to keep.")] = 1,
) -> None:
    """Free the disk of parts that no kept version of a table has."""
    from pipelines.runs import count_under_way
    from pipelines.settings import load_settings, recipe_names
    from pipelines.workspace import Workspace
    from storage.tidy import tidy as tidy_table

    settings = load_settings()
    if count := count_under_way(settings):
        raise UserError(
            f"{count} runs or backfills are under way, and may use what would be removed; expected "
            "none: wait, or end them in the UI"
        )
    freed = [tidy_table(table, keep) for table in Workspace(settings).all_tables(recipe_names())]
    count, size = sum(f.files for f in freed), sum(f.size for f in freed)
    typer.echo(f"removed {count} files, {size / 1e6:.1f} MB")


@app.command("fetch-maestro")
@told_in_one_line
def fetch_maestro(
    folder: Annotated[Path, typer.Argument(help="Where the archive is unpacked.")],
) -> None:
    """Download MAESTRO v3.0.0's MIDI (about 57 MB, CC BY-NC-SA 4.0); goes on where it broke off."""
    from storage.fetch import fetch_maestro as fetch

    root = fetch(folder)
    typer.echo(f"{root}\nnext: pianograde run --maestro {root} --limit 20")


@app.command()
@told_in_one_line
def bench(
    recipe: RecipeOption = "phase2",
    pairs: Annotated[int, typer.Option(min=8, help="How many pairs to make.")] = 120,
) -> None:
    """Time pairs on one core against FluidSynth alone on the same notes, in the same run."""
    from pipelines.bench import bench_pairs
    from pipelines.settings import find_recipe, load_settings
    from pipelines.workspace import Workspace

    result = bench_pairs(find_recipe(recipe), Workspace(load_settings()), pairs)
    typer.echo(
        f"pairs                   {result.pairs}\n"
        f"pairs a second and core {1 / result.pair_s:.1f}\n"
        f"bare FluidSynth         {1 / result.render_s:.1f} a second and core\n"
        f"ratio                   {result.ratio:.2f}\n"
        f"peak memory             {result.peak_mib:.0f} MiB"
    )


@app.command()
@told_in_one_line
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

    from models.config.experiment import EXPERIMENTS
    from models.score import Scorer
    from models.score_sources import Sources, find_sources
    from models.transcription import load_transcriber
    from pipelines import score_table
    from pipelines.assets.training import model_folder
    from pipelines.settings import find_recipe, load_settings
    from pipelines.workspace import Workspace

    workspace, chosen = Workspace(load_settings()), find_recipe(recipe)
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
    one = None if files else Sources(midi=midi, audio=audio)
    names = [one.name] if one else [str(file) for file in given]
    rows, failed = [], False
    if len(names) > 1 and not as_json:
        typer.echo(score_table.heading(names))
    for name, file in zip(names, given, strict=False):
        try:
            scored = scorer.score(one or find_sources(file))
        except UserError as error:
            failed = True
            typer.echo(f"pianograde: {score_table.printable(f'{name}: {error}')}", err=True)
            if as_json:
                typer.echo(score_table.json_error(name, str(error)))
            continue
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


@app.command()
@told_in_one_line
def transcribe(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Recordings of a piano.")],
    out: Annotated[Path, typer.Option(help="Folder for the MIDI files.")],
) -> None:
    """Write the notes and pedal that are heard in recordings as MIDI (extra `transcription`)."""
    from models.transcription import load_transcriber
    from pipelines.settings import load_settings
    from pipelines.transcribe import transcribe_file

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
@told_in_one_line
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

    from pipelines.assets.human_validation import PAGE
    from pipelines.runs import Stage, materialise
    from pipelines.workspace import Workspace
    from storage.percepiano import check_checkout

    check_checkout(settings.percepiano)
    remember(settings)
    stage = Stage(
        title="human validation", assets=((recipe, "human_validation"),), partitioned=False
    )
    materialise(stage, settings)
    folder = Workspace(settings).output(recipe, "human_validation")
    content = json.loads((folder / PAGE).with_suffix(".json").read_text(encoding="utf-8"))
    for said in content["sentences"]:
        typer.echo(f"- {said}")
    typer.echo(f"\npage       {folder / PAGE}")


@app.command()
@told_in_one_line
def ui(
    port: Annotated[
        int | None, typer.Option(help="Port on 127.0.0.1; reports are served on the next one.")
    ] = None,
) -> None:
    """Serve the Dagster UI, its daemon, and the reports it links to; Ctrl-C ends all."""
    from pipelines.runs import prepare_dagster_home
    from pipelines.serve import serve
    from pipelines.settings import load_settings

    if port:
        os.environ["PIANOGRADE_PORT"] = str(port)
    settings = load_settings()
    settings.years()
    prepare_dagster_home(settings)
    typer.echo(
        f"Dagster UI on http://127.0.0.1:{settings.port}, corpus {settings.corpus_name}", err=True
    )
    raise typer.Exit(serve(settings))


if __name__ == "__main__":
    app()
