"""Harms runs and files on purpose, then shows that nothing was lost: `make chaos`.

A small corpus is made once undisturbed. In another home the same is made while workers, commands
and the UI are killed, files cut, changed and deleted, the disk is full, and two commands work at
once. At the end `verify` names what is damaged; its way out is followed; then the digest of all
rows must be that of the undisturbed home.
"""

import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from degradation.seeds import stream
from pipelines.cli.command import report_user_error
from pipelines.corpora import Corpus, find_corpus, write_corpus
from pipelines.execution.runs import materialise
from pipelines.execution.stages import stages
from pipelines.settings import Settings, load_settings
from pipelines.verification import verify
from pipelines.workspace import Workspace
from storage.demo_corpus import CSV_NAME, write_demo_corpus
from storage.tables import data_file_rows, read_data_file, table_exists

RECIPE = "phase2"
NAME = "chaos"
PERFORMANCES = 4
LONGEST_RUN_S = 600
FULL_DISK_BYTES = 200_000


def small_root(folder: Path) -> Path:
    """Write the shortest performances of the demo corpus as a root of their own."""
    write_demo_corpus(folder)
    table = pd.read_csv(folder / CSV_NAME, keep_default_na=False).sort_values("duration")
    pieces = table.drop_duplicates("canonical_title")
    few = [pieces[pieces["split"] == split].head(n) for split, n in (("train", 2), ("test", 1))]
    validation = pieces[pieces["split"] == "validation"].head(PERFORMANCES - 3)
    pd.concat([*few, validation]).to_csv(folder / CSV_NAME, index=False)
    return folder


class Disturbed:
    """A home whose tables are made while something goes wrong."""

    def __init__(self, home: Path, root: Path, rng: np.random.Generator) -> None:
        self.rng = rng
        self.settings = Settings(home=home)
        self.workspace = Workspace(self.settings, Corpus(name=NAME, maestro=root))
        write_corpus(self.settings, self.workspace.corpus)
        self.run_s = 30.0

    def start(self, before: Callable[[], None] | None = None) -> "subprocess.Popen[str]":
        """Start the command that makes the tables."""
        return subprocess.Popen(
            [sys.executable, "-m", "benchmarks.chaos", "--child"],
            env=os.environ | {"PIANOGRADE_HOME": str(self.settings.home)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=before,
        )

    def finish(self, process: "subprocess.Popen[str]") -> str:
        """Wait for a command; return its last line."""
        _, said = process.communicate(timeout=LONGEST_RUN_S)
        last = (said.strip().splitlines() or [""])[-1]
        if "Traceback" in said:
            raise AssertionError(f"a fault was not told in a line:\n{said}")
        return f"exit code {process.returncode}" + (f": {last[:120]}" if process.returncode else "")

    def wait_some(self) -> None:
        """Let a command work for a random time."""
        time.sleep(float(self.rng.uniform(0.1, 0.9)) * self.run_s)

    def forget_some(self) -> None:
        """Delete half of the data files, so that the next command has work."""
        for path in self.files():
            if self.rng.random() < 0.5:
                path.unlink()

    def files(self) -> list[Path]:
        """Return the data files of the recipe's tables."""
        return sorted((self.settings.home / "data" / NAME / RECIPE).rglob("*.parquet"))

    def kill_worker(self) -> str:
        """Kill a worker process."""
        process = self.start()
        self.wait_some()
        workers = descendants(process.pid)
        if workers:
            kill(int(self.rng.choice(workers)))
        return self.finish(process)

    def kill_command(self) -> str:
        """Kill the command, workers left behind."""
        process = self.start()
        self.wait_some()
        kill(process.pid)
        return self.finish(process)

    def interrupt(self) -> str:
        """Interrupt the command as Ctrl-C or a service manager does."""
        process = self.start()
        self.wait_some()
        number = signal.SIGINT if self.rng.random() < 0.5 else signal.SIGTERM
        if process.poll() is None:
            os.killpg(process.pid, number)
        return self.finish(process)

    def kill_ui(self) -> str:
        """Kill the UI and its daemon, all at once."""
        port = str(24_000 + 2 * int(self.rng.integers(0, 1_000)))
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", "ui", "--port", port],
            env=os.environ | {"PIANOGRADE_HOME": str(self.settings.home)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(float(self.rng.uniform(5, 25)))
        for pid in [process.pid, *descendants(process.pid)]:
            kill(pid)
        process.wait()
        return "killed"

    def two_at_once(self) -> str:
        """Run two commands on the same partitions."""
        both = [self.start(), self.start()]
        return " and ".join(map(self.finish, both))

    def full_disk(self) -> str:
        """Let the system refuse to write more than a few bytes to a file."""

        def limit() -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (FULL_DISK_BYTES, FULL_DISK_BYTES))

        return self.finish(self.start(before=limit))

    def cut_file(self) -> str:
        """Cut a data file in half."""
        return self.harm(lambda data: data[: len(data) // 2])

    def flip_byte(self) -> str:
        """Change one byte of a data file."""

        def flipped(data: bytes) -> bytes:
            at = int(self.rng.integers(4, len(data) - 4))
            return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]

        return self.harm(flipped)

    def delete_file(self) -> str:
        """Delete a data file."""
        return self.harm(lambda data: None)

    def harm(self, change: Callable[[bytes], bytes | None]) -> str:
        """Change a data file in place."""
        if not (files := self.files()):
            return "there was no file yet"
        path = files[int(self.rng.integers(len(files)))]
        changed = change(path.read_bytes())
        path.unlink() if changed is None else path.write_bytes(changed)
        return path.relative_to(self.settings.home / "data" / NAME).as_posix()

    def mend(self) -> int:
        """Do what `verify` says until it is content; return how many faults it named."""
        named = 0
        for _ in range(4):
            self.finish(self.start())
            faults = [f for one in verify(self.workspace, [RECIPE], 20, 0) for f in one.faults]
            if not faults:
                return named
            named += len(faults)
            for fault in faults:
                typer.echo(f"  verify: {fault}")
                path = Path(fault.where)
                if fault.way_out.startswith("delete it") and path.is_file():
                    path.unlink()
        raise AssertionError(f"verify is not content: {faults[0]}")


def descendants(pid: int) -> list[int]:
    """Return the processes that a process started, and those that they started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found += [int(path.parent.name), *descendants(int(path.parent.name))]
    return found


def kill(pid: int) -> None:
    """Kill a process that may have ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


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


def make_tables() -> None:
    """Make the corpus and its tables, as the command line does."""

    @report_user_error
    def demo() -> None:
        settings = load_settings()
        for stage in stages(RECIPE, ["midi_only"])[:2]:
            materialise(stage, settings, find_corpus(settings, NAME))

    demo()


def main(
    faults: Annotated[int, typer.Option(min=1)] = 30,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    child: Annotated[bool, typer.Option("--child", hidden=True)] = False,
) -> None:
    """Harm a run in many ways, and show that the rows are those of an undisturbed one."""
    if child:
        make_tables()
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
            typer.echo(f"{number:3} {fault.__name__:<13} {fault()}")
        named = harmed.mend()
        found = digest(harmed.workspace)
        same = "the same" if found == expected else "ANOTHER"
        typer.echo(f"{faults} faults; verify named {named} and is content; digest {found}: {same}")
        if found != expected:
            raise typer.Exit(1)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    typer.run(main)
