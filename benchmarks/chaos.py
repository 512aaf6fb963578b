"""Harms runs and files on purpose, then shows that nothing was lost: `make chaos`.

A small corpus is made once undisturbed. In another home the same is made while workers, commands,
the UI and a Dask scheduler are killed, files cut, changed and deleted, the store fails, the disk is
full, and two commands work at once. At the end `verify` names what is damaged; its way out is
followed; then the digest of all rows must be that of the undisturbed home.
"""

import hashlib
import shutil
import tempfile
import time
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from benchmarks.faults import NAME, RECIPE, Disturbed
from degradation.seeds import stream
from pipelines.cli.command import report_user_error
from pipelines.corpora import find_corpus
from pipelines.execution.runs import materialise
from pipelines.execution.stages import stages
from pipelines.settings import load_settings
from pipelines.verification import verify
from pipelines.workspace import Workspace
from storage.demo_corpus import CSV_NAME, write_demo_corpus
from storage.tables import data_file_rows, read_data_file, table_exists

PERFORMANCES = 4


def small_root(folder: Path) -> Path:
    """Write the shortest performances of the demo corpus as a root of their own."""
    write_demo_corpus(folder)
    table = pd.read_csv(folder / CSV_NAME, keep_default_na=False).sort_values("duration")
    pieces = table.drop_duplicates("canonical_title")
    few = [pieces[pieces["split"] == split].head(n) for split, n in (("train", 2), ("test", 1))]
    validation = pieces[pieces["split"] == "validation"].head(PERFORMANCES - 3)
    pd.concat([*few, validation]).to_csv(folder / CSV_NAME, index=False)
    return folder


def mend(harmed: Disturbed) -> int:
    """Do what `verify` says until it is content; return how many faults it named."""
    named = 0
    for _ in range(4):
        harmed.finish(harmed.start())
        faults = [f for one in verify(harmed.workspace, [RECIPE], 20, 0) for f in one.faults]
        if not faults:
            return named
        named += len(faults)
        for fault in faults:
            typer.echo(f"  verify: {fault}")
            path = Path(fault.where)
            if fault.way_out.startswith("delete it") and path.is_file():
                path.unlink()
    raise AssertionError(f"verify is not content: {faults[0]}")


def digest(workspace: Workspace) -> str:
    """Return a digest of all rows of the recipe's tables, in order of their names."""
    lines = []
    for name in ("pairs", "heuristics", "samples", "audio_features", "midi_tokens"):
        table = workspace.table(RECIPE, name)
        if table_exists(table):
            for path in data_file_rows(table):
                for group in read_data_file(table, path):
                    lines += [f"{name} {row}" for row in group.to_pylist()]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]


def make_tables(corpus: str, recipe: str) -> None:
    """Make a corpus and a recipe's tables, as the command line does."""

    @report_user_error
    def demo() -> None:
        settings = load_settings()
        for stage in stages(recipe, ["midi_only"])[:2]:
            materialise(stage, settings, find_corpus(settings, corpus))

    demo()


def main(
    faults: Annotated[int, typer.Option(min=1)] = 30,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    child: Annotated[bool, typer.Option("--child", hidden=True)] = False,
) -> None:
    """Harm a run in many ways, and show that the rows are those of an undisturbed one."""
    if child:
        make_tables(NAME, RECIPE)
        return
    folder = Path(tempfile.mkdtemp(prefix="pianograde-chaos-"))
    rng = stream(seed, "chaos")
    try:
        root = small_root(folder / "root")
        calm = Disturbed(folder / "calm", root, rng)
        begun = time.monotonic()
        calm.finish(calm.start())
        expected = digest(calm.workspace)
        rows = sum(data_file_rows(calm.workspace.table(RECIPE, "pairs")).values())
        harmed = Disturbed(folder / "harmed", root, rng)
        harmed.run_s = time.monotonic() - begun
        typer.echo(f"undisturbed: {rows} rows in {harmed.run_s:.0f} s, digest {expected}")
        kinds = [
            harmed.kill_worker,
            harmed.kill_command,
            harmed.interrupt,
            harmed.kill_ui,
            harmed.kill_scheduler,
            harmed.store_fails,
            harmed.two_at_once,
            harmed.full_disk,
            harmed.cut_file,
            harmed.flip_byte,
            harmed.delete_file,
        ]
        for number in range(1, faults + 1):
            fault = kinds[int(rng.integers(len(kinds)))]
            if rng.random() < 0.5:
                harmed.forget_some()
            typer.echo(f"{number:3} {fault.__name__:<14} {fault()}")
        named = mend(harmed)
        found = digest(harmed.workspace)
        same = "the same" if found == expected else "ANOTHER"
        typer.echo(f"{faults} faults; verify named {named} and is content; digest {found}: {same}")
        if found != expected:
            raise typer.Exit(1)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    typer.run(main)
