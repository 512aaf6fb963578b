"""A home whose tables are made while something goes wrong, for `make chaos`."""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil  # type: ignore[import-untyped]

from pipelines.corpora import Corpus, write_corpus
from pipelines.settings import Settings
from pipelines.workspace import Workspace

RECIPE = "phase2"
NAME = "chaos"
LONGEST_RUN_S = 600
FULL_DISK_BYTES = 200_000


class Disturbed:
    """A home whose tables are made while something goes wrong."""

    def __init__(self, home: Path, root: Path, rng: np.random.Generator) -> None:
        self.rng = rng
        self.settings = Settings(home=home)
        self.workspace = Workspace(self.settings, Corpus(name=NAME, maestro=root))
        write_corpus(self.settings, self.workspace.corpus)
        self.run_s = 30.0

    def start(
        self, before: Callable[[], None] | None = None, scheduler: str = ""
    ) -> "subprocess.Popen[str]":
        """Start the command that makes the tables, on a Dask scheduler if one is given."""
        home = {"PIANOGRADE_HOME": str(self.settings.home)}
        return subprocess.Popen(
            [sys.executable, "-m", "benchmarks.chaos", "--child"],
            env=os.environ | home | {"PIANOGRADE_DASK_SCHEDULER": scheduler},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=before,
        )

    def beside(self, module: str, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start a module of Python that works beside a command."""
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=os.environ | {"PIANOGRADE_HOME": str(self.settings.home)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
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
        """Kill the daemon, web server or code location of the UI, then all that is left."""
        port = str(24_000 + 2 * int(self.rng.integers(0, 1_000)))
        process = self.beside("pipelines.cli", "ui", "--port", port)
        time.sleep(float(self.rng.uniform(5, 25)))
        if processes := descendants(process.pid):
            kill(int(self.rng.choice(processes)))
        time.sleep(3)
        end(process)
        return "killed"

    def kill_scheduler(self) -> str:
        """Kill the Dask scheduler whose worker makes the tables."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        local = ("--host", "127.0.0.1", "--no-dashboard")
        address = f"tcp://127.0.0.1:{port}"
        scheduler = self.beside("distributed.cli.dask_scheduler", *local, "--port", port)
        worker = self.beside("distributed.cli.dask_worker", address, *local, "--nthreads", "1")
        wait_for_port(int(port))
        process = self.start(scheduler=address)
        self.wait_some()
        end(scheduler)
        said = self.finish(process)
        end(worker)
        return said

    def store_fails(self) -> str:
        """Put a file in the place of the store's folder while a command works, as if unmounted."""
        store, away = self.settings.home / "data", self.settings.home / "away"
        process = self.start()
        self.wait_some()
        if not store.exists():
            return f"nothing was stored yet; {self.finish(process)}"
        store.rename(away)
        store.touch()
        said = self.finish(process)
        store.unlink()
        away.rename(store)
        return said

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


def descendants(pid: int) -> list[int]:
    """Return the processes that a process started, and those that they started.

    But for multiprocessing's tracker of semaphores: without it Python complains at its end.
    """
    try:
        found = psutil.Process(pid).children(recursive=True)
        return [one.pid for one in found if "resource_tracker" not in " ".join(one.cmdline())]
    except psutil.NoSuchProcess:
        return []


def wait_for_port(port: int) -> None:
    """Wait until something listens."""
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"nothing listened on port {port} within 30 s")


def kill(pid: int) -> None:
    """Kill a process that may have ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process and all that it started."""
    for pid in [process.pid, *descendants(process.pid)]:
        kill(pid)
    process.wait()
