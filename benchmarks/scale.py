"""Time, memory and disk of a recipe's tables: `python -m benchmarks.scale ROOT --limit 30`.

The tables are made in a home of their own, as `pianograde run` makes them, while files and memory
are watched. A line a table: rows, seconds, gigabytes, and for the first and the last quarter of its
bytes the rows a second of processor time, which other work on the machine changes little, and the
largest memory of the command and of a worker. Where quarters are alike, time is linear and memory
flat.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import psutil  # type: ignore[import-untyped]
import typer

from benchmarks.chaos import make_tables
from pipelines.cli.command import print_table
from pipelines.corpora import Corpus, write_corpus
from pipelines.execution.stages import TABLES
from pipelines.settings import Settings
from pipelines.workspace import Workspace
from storage.tables import data_file_rows

NAME = "scale"
SAMPLE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was seen at a time: bytes a table, memory of the command and of its largest worker.

    `processor_s` is the processor time of all processes since the start.
    """

    time_s: float
    processor_s: float
    table_bytes: dict[str, int]
    command_mb: float
    worker_mb: float


def watch(process: "subprocess.Popen[bytes]", folder: Path) -> list[Sample]:
    """Return what is seen of a command and the tables in a folder until it ends."""
    command, samples, begun = psutil.Process(process.pid), list[Sample](), time.monotonic()
    while process.poll() is None:
        time.sleep(SAMPLE_S)
        sizes = {name: folder_bytes(folder / name) for name in TABLES}
        try:
            children = command.children(recursive=True)
            workers = [memory_mb(child) for child in children]
            sample = Sample(
                time_s=time.monotonic() - begun,
                processor_s=sum(map(processor_s, (command, *children))),
                table_bytes=sizes,
                command_mb=memory_mb(command),
                worker_mb=max(workers, default=0.0),
            )
        except psutil.NoSuchProcess:  # it ended meanwhile
            continue
        samples.append(sample)
    return samples


def memory_mb(process: psutil.Process) -> float:
    """Return the resident memory of a process, 0 where it has just ended."""
    try:
        return float(process.memory_info().rss) / 1e6
    except psutil.NoSuchProcess:
        return 0.0


def processor_s(process: psutil.Process) -> float:
    """Return the processor time of a process and of its children that have ended, in seconds."""
    try:
        used = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(used.user + used.system + used.children_user + used.children_system)


def folder_bytes(folder: Path) -> int:
    """Return the bytes of a table's finished files."""
    return sum(path.stat().st_size for path in folder.rglob("*.parquet"))


def table_line(name: str, rows: int, samples: list[Sample]) -> dict[str, str]:
    """Return a table's line; its time begins with the sample before its first file."""
    total = samples[-1].table_bytes[name]
    seen = [one.table_bytes[name] for one in samples]
    begin = next(n for n, size in enumerate(seen) if size) - 1
    end = seen.index(total)
    line = {
        "table": name,
        "rows": f"{rows:,}",
        "seconds": f"{samples[end].time_s - samples[max(begin, 0)].time_s:.0f}",
        "GB": f"{total / 1e9:.2f}",
    }
    for title, low, high in (("first", 0.0, 0.25), ("last", 0.75, 1.0)):
        part = [
            one
            for one in samples[max(begin, 0) : end + 1]
            if low * total <= one.table_bytes[name] <= high * total
        ]
        grown = part[-1].table_bytes[name] - part[0].table_bytes[name] if part else 0
        rate = grown / total * rows / (part[-1].processor_s - part[0].processor_s) if grown else 0
        line[f"rows/CPU s, {title}"] = f"{rate:.1f}" if rate else ""
        line[f"command MB, {title}"] = f"{max((one.command_mb for one in part), default=0):.0f}"
        line[f"worker MB, {title}"] = f"{max((one.worker_mb for one in part), default=0):.0f}"
    return line


def main(
    root: Annotated[Path, typer.Argument(help="A MAESTRO root.")],
    limit: Annotated[int, typer.Option(min=3, help="Performances.")] = 30,
    recipe: Annotated[str, typer.Option(help="A recipe.")] = "factored",
    child: Annotated[bool, typer.Option("--child", hidden=True)] = False,
) -> None:
    """Make a recipe's tables once, and show time, memory and disk a table."""
    if child:
        make_tables(NAME, recipe)
        return
    home = Path(tempfile.mkdtemp(prefix="pianograde-scale-"))
    try:
        settings = Settings(home=home)
        workspace = Workspace(settings, Corpus(name=NAME, maestro=root, limit=limit))
        write_corpus(settings, workspace.corpus)
        command = [sys.executable, "-m", "benchmarks.scale", str(root), "--recipe", recipe]
        environment = os.environ | {"PIANOGRADE_HOME": str(home)}
        process = subprocess.Popen([*command, "--child"], env=environment)
        samples = watch(process, home / "data" / NAME / recipe)
        if process.returncode:
            raise typer.Exit(process.returncode)
        rows = {
            name: sum(data_file_rows(workspace.table(recipe, name)).values()) for name in TABLES
        }
        print_table([table_line(name, rows[name], samples) for name in TABLES])
        typer.echo(f"all: {rows['pairs']:,} rows in {samples[-1].time_s:.0f} s")
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    typer.run(main)
