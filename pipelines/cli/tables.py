"""Commands on tables and pages: query, export, replay, listen, clean up, and benchmarks."""

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from degradation.counted import counted
from degradation.errors import UserError
from pipelines.cli.command import CorpusOption, MaestroOption, RecipeOption, app, report_user_error


@app.command()
@report_user_error
def query(
    sql: Annotated[str, typer.Argument(help="One SELECT in DuckDB's SQL.")],
    recipe: RecipeOption = "phase2",
    form: Annotated[
        str, typer.Option("--format", help="table, csv, json (an object a line) or parquet.")
    ] = "table",
    out: Annotated[Path | None, typer.Option(help="A file for the rows.")] = None,
    at: Annotated[
        list[str] | None, typer.Option(help="TABLE=VERSION, an older one (`pianograde versions`).")
    ] = None,
    corpus: CorpusOption = None,
) -> None:
    """Query the tables; "show tables" lists them, "from dictionary" says what columns mean.

    RECIPE.TABLE is another recipe's. Where not all columns fit, each has a line. Blobs are base64
    in CSV and JSON; lists and structs are JSON in the cells of CSV.
    """
    from pipelines.workspace import open_workspace
    from storage.files import whole_file
    from storage.query import write_answer

    if form == "parquet" and out is None and sys.stdout.isatty():
        raise UserError("Parquet is binary; expected a file, got the terminal: give --out FILE")
    workspace = open_workspace(corpus)
    connection = workspace.connect(recipe, sql, _read_versions(at or []))
    if out is None:
        write_answer(connection, sql, form, sys.stdout.buffer)
        sys.stdout.flush()
    else:
        with whole_file(str(out.parent), out.name) as file:
            write_answer(connection, sql, form, file)


def _read_versions(at: list[str]) -> dict[str, int]:
    from storage.schema import TABLES

    found = [re.fullmatch(r"(\w+)=(\d+)", text) for text in at]
    for text, match in zip(at, found, strict=True):
        if match is None or match[1] not in TABLES:
            raise UserError(f"--at {text}: expected TABLE=VERSION, as in samples=3")
    return {match[1]: int(match[2]) for match in found if match}


@app.command()
@report_user_error
def export(
    out: Annotated[Path, typer.Option(help="An empty folder.")],
    where: Annotated[
        str | None, typer.Option(help="A condition on columns of samples, in SQL. Default: all.")
    ] = None,
    one_file: Annotated[bool, typer.Option("--one-file", help="One file a split.")] = False,
    recipe: RecipeOption = "phase2",
    corpus: CorpusOption = None,
) -> None:
    """Write the shards as plain Parquet, by split, with a dataset card: `load_dataset(OUT)`."""
    from pipelines.settings import find_recipe
    from pipelines.workspace import open_workspace
    from storage.export import ExportOptions, export_shards
    from storage.query import find_sample_ids
    from storage.tables import open_table

    find_recipe(recipe)
    workspace = open_workspace(corpus)
    pairs, heuristics = workspace.table(recipe, "pairs"), workspace.table(recipe, "heuristics")
    version = int(open_table(pairs).version())
    chosen = None
    if where is not None:
        chosen = find_sample_ids(workspace.connect(recipe, "samples"), where)
    options = ExportOptions(
        sample_ids=chosen,
        one_file_a_split=one_file,
        title=f"pianograde: {workspace.corpus.name}, {recipe}",
        provenance={
            "corpus": workspace.corpus.name,
            "recipe": recipe,
            "rows": "all" if where is None else f"`{where}`",
            "version of the table pairs": str(version),
            **_made_by(),
        },
    )
    for path in export_shards(pairs, heuristics, out, version, options):
        typer.echo(str(path))
    typer.echo(
        f"next: datasets.load_dataset({str(out)!r}); a row's audio is a FLAC file: "
        'soundfile.read(io.BytesIO(row["audio"]["bytes"]))'
    )


def _made_by() -> dict[str, str]:
    from models.provenance import provenance

    made = provenance()
    return {
        "exported at": made.created_at,
        "by": f"pianograde {made.versions['pianograde']}, commit {made.commit or 'unknown'}",
    }


@app.command()
@report_user_error
def replay(
    sample_id: Annotated[str, typer.Argument(help="The row's sample_id.")],
    out: Annotated[Path, typer.Option(help="Folder for the files.")],
    corpus: CorpusOption = None,
) -> None:
    """Make one row's MIDI and audio again, before and after, and say what was done to it.

    extra.mid, missed.mid and correct.mid are its notes in the classes of MAESTRO-E.
    """
    from pipelines.settings import recipe_names
    from pipelines.workspace import open_workspace
    from storage.replay import find_row, write_replay

    workspace = open_workspace(corpus)
    row = find_row([workspace.table(name, "pairs") for name in recipe_names()], sample_id)
    for path in write_replay(row, workspace.root, out):
        typer.echo(str(path))


@app.command()
@report_user_error
def listen(recipe: RecipeOption = "phase2", corpus: CorpusOption = None) -> None:
    """Make the listening page again and open it in a browser."""
    from pipelines.settings import find_recipe
    from pipelines.workspace import open_workspace

    find_recipe(recipe)  # before Dagster is imported, which takes seconds
    workspace = open_workspace(corpus)

    from pipelines.execution.runs import materialise
    from pipelines.execution.stages import models_stage

    stage = models_stage("listening page", recipe, "listening_page")
    materialise(stage, workspace.settings, workspace.corpus)
    page = workspace.output(recipe, "listening_page") / "listening.html"
    typer.echo(str(page))
    typer.launch(page.as_uri())


@app.command()
@report_user_error
def vacuum(
    keep: Annotated[int, typer.Option(min=1, help="Versions of each table to keep.")] = 1,
    corpus: CorpusOption = None,
) -> None:
    """Free the disk of parts that no kept version of a table has."""
    from pipelines.execution.runs import refuse_while_under_way
    from pipelines.settings import recipe_names
    from pipelines.workspace import open_workspace
    from storage.vacuum import vacuum as vacuum_table

    workspace = open_workspace(corpus)
    refuse_while_under_way(
        workspace.settings, workspace.corpus.name, "may use what would be removed"
    )
    freed = [vacuum_table(table, keep) for table in workspace.all_tables(recipe_names())]
    count, size = sum(f.files for f in freed), sum(f.size for f in freed)
    typer.echo(f"removed {counted(count, 'file')}, {size / 1e6:.1f} MB")


@app.command("fetch-maestro")
@report_user_error
def fetch_maestro(
    folder: Annotated[Path, typer.Argument(help="Where the archive is unpacked.")],
) -> None:
    """Download MAESTRO v3.0.0's MIDI (about 57 MB, CC BY-NC-SA 4.0); goes on where it broke off."""
    from storage.fetch import fetch_maestro as fetch

    root = fetch(folder)
    typer.echo(f"{root}\nnext: pianograde run --maestro {root} --limit 20")


@app.command()
@report_user_error
def bench(
    recipe: Annotated[str | None, typer.Option(help="A recipe. Default: all that render.")] = None,
    pairs: Annotated[int, typer.Option(min=8, help="How many pairs to make of each.")] = 120,
    maestro: MaestroOption = None,
) -> None:
    """Time pairs on one core against FluidSynth alone, then a training by its torch threads.

    On the demo corpus, or on thirty performances of a MAESTRO root; nothing is kept.
    """
    from pipelines.settings import find_recipe, recipe_names

    recipes = [find_recipe(name) for name in ([recipe] if recipe else recipe_names())]
    rendered = [each for each in recipes if each.audio_source == "rendered"]
    if not rendered:
        raise UserError(f"recipe {recipe} takes recordings; expected one that renders")

    from benchmarks.pairs import as_lines, bench_pairs, bench_training, small_corpus

    with small_corpus(maestro) as workspace:
        results = {each.name: bench_pairs(each, workspace, pairs) for each in rendered}
    for line in as_lines(results):
        typer.echo(line)
    for threads, rate in bench_training(workspace.experiment_config()).items():
        typer.echo(f"samples a second        {rate:.0f} learnt from, torch threads: {threads}")
