"""A real Dask cluster: a scheduler and three worker processes on this machine."""

import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import psutil
import pytest
from distributed import Client

from degradation.errors import UserError
from pipelines.assets import pairs
from pipelines.execution import dask_cluster
from pipelines.execution.engine import Engine, run_tasks
from pipelines.settings import PROJECT
from tests.pipelines.conftest import poor_files

pytestmark = pytest.mark.slow

START = [sys.executable, "-m", "dask"]
ONE_THREAD = ("--nthreads", "1")


def start(arguments: tuple[str, ...], folder: Path, **more: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), **more}
    return subprocess.Popen([*START, *arguments], cwd=folder, env=environment)


def start_workers(
    address: str, folder: Path, *options: str, **more: str
) -> subprocess.Popen[bytes]:
    local = ("--host", "127.0.0.1", "--no-dashboard", "--local-directory", str(folder))
    return start(("worker", address, *local, *options), folder, **more)


def end(process: subprocess.Popen[bytes]) -> None:
    for child in [*psutil.Process(process.pid).children(recursive=True), process]:
        child.kill()
    process.wait()


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Yield the address and process of a scheduler; nannies start its dead workers again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    address = f"tcp://127.0.0.1:{port}"
    quiet = ("--host", "127.0.0.1", "--port", port, "--no-dashboard")
    started = [start(("scheduler", *quiet), folder)]
    started.append(start_workers(address, folder, "--nworkers", str(workers), *ONE_THREAD))
    with Client(address, timeout=60, set_as_default=False) as client:
        client.wait_for_workers(workers, timeout=120)
    yield address, started[0]
    for process in reversed(started):
        if process.poll() is None:
            end(process)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scheduler with three workers."""
    with cluster(tmp_path_factory.mktemp("dask"), 3) as (address, _):
        yield address


@pytest.fixture
def engine(scheduler: str) -> Engine:
    return Engine(workers=1, scheduler=scheduler)


def kill_own(task: tuple[int, Path]) -> int:
    """Kill the worker at number 3, once; at number 7, each time."""
    number, marker = task
    if number == 7 or (number == 3 and not marker.exists()):
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_killed_worker_s_tasks_are_done_again_and_one_that_always_kills_is_replaced(
    engine: Engine, tmp_path: Path
) -> None:
    tasks = (("key", (number, tmp_path / "killed")) for number in range(12))

    def instead(task: tuple[int, Path], reason: str) -> str:
        return f"{task[0]}: {reason}"

    done = {result for _, _, result in run_tasks(kill_own, tasks, engine, instead)}
    reason = "7: its worker process died 4 times in the cluster"
    assert done == {0, 1, 2, 3, 4, 5, 6, reason, 8, 9, 10, 11}


def complain(number: int) -> int:
    if number == 3:
        raise UserError("three is not wanted")
    if number == 4:
        raise OSError("four is not there")
    return number


def test_an_error_in_a_task_ends_the_run_with_that_error(engine: Engine) -> None:
    with pytest.raises(UserError, match="three is not wanted"):
        list(run_tasks(complain, ((None, n) for n in range(4)), engine))
    with pytest.raises(OSError, match="four is not there"):
        list(run_tasks(complain, [(None, 4)], engine))


def test_tasks_are_taken_as_needed(engine: Engine) -> None:
    taken: list[int] = []

    def tasks() -> Iterator[tuple[None, int]]:
        for number in range(100, 200):
            taken.append(number)
            yield None, number

    results = run_tasks(complain, tasks(), engine)
    next(results)
    assert len(taken) <= 7
    results.close()


def threads(_: int) -> str:
    return os.environ["OMP_NUM_THREADS"]


def test_a_worker_is_one_core(engine: Engine) -> None:
    assert {result for *_, result in run_tasks(threads, [(None, 1)], engine)} == {"1"}


def test_a_worker_that_would_make_other_bytes_is_refused(
    scheduler: str, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that joins when the others were compared, with two threads; and one of other code."""
    deadline = time.monotonic() + 60

    def in_time(_: object) -> bool:
        return time.monotonic() < deadline

    joined = start_workers(scheduler, tmp_path, "--nthreads", "2", "--no-nanny")
    try:
        with pytest.raises(UserError, match="threads is 2, expected 1"):
            list(run_tasks(complain, takewhile(in_time, enumerate(count(100))), engine))
    finally:
        end(joined)
    other = dask_cluster.environment() | {"the project's code": "another"}
    monkeypatch.setattr(dask_cluster, "environment", lambda: other)
    with pytest.raises(UserError, match=r"project's code is \w+, expected another.*--nthreads 1"):
        list(run_tasks(complain, [(None, 1)], engine))


def test_without_a_scheduler_the_run_ends_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "CONNECT_S", 1)
    for address in ("tcp://127.0.0.1:9", "nowhere at all"):
        with pytest.raises(UserError, match=rf"no Dask scheduler answers at {address}.*start it"):
            list(run_tasks(complain, [(None, 1)], Engine(workers=1, scheduler=address)))


def test_no_client_that_reached_no_scheduler_waits_to_be_collected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dask_cluster, "CONNECT_S", 1)
    for address in ("tcp://127.0.0.1:9", "nowhere at all"):
        with pytest.raises(UserError):
            list(run_tasks(complain, [(None, 1)], Engine(workers=1, scheduler=address)))
        left = [one for one in gc.get_objects() if isinstance(one, Client)]
        assert all(client.status == "closed" for client in left)


def test_a_scheduler_that_goes_ends_the_run_in_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_cluster, "CONNECT_S", 3)
    with cluster(tmp_path, 1) as (address, process):
        tasks = ((None, n) for n in range(100, 200))
        results = run_tasks(complain, tasks, Engine(workers=1, scheduler=address))
        next(results)
        capfd.readouterr()
        end(process)
        with pytest.raises(UserError, match=f"Dask scheduler at {address} is gone"):
            list(results)
        assert "distributed.client" not in capfd.readouterr().err


def kill_one(scheduler: str, killed: list[str]) -> None:
    """Kill a worker while it makes pairs."""
    with Client(scheduler, set_as_default=False) as client:
        pids = client.run(os.getpid)
        while not killed:
            for worker, keys in client.processing().items():
                if worker in pids and any(str(key).startswith("write_pairs") for key in keys):
                    os.kill(pids[worker], signal.SIGKILL)
                    killed.append(worker)
                    break
            time.sleep(0.01)


def test_tables_are_the_same_bytes_as_of_local_processes_though_a_worker_is_killed(
    scheduler: str,
    finished: Any,
    make_poor: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PIANOGRADE_DASK_SCHEDULER", scheduler)
    killed: list[str] = []
    threading.Thread(target=kill_one, args=(scheduler, killed), daemon=True).start()
    home = make_poor("pairs", "heuristics", "samples", "audio_features", "midi_tokens")
    assert killed
    assert poor_files(home) == poor_files(finished.home)
    monkeypatch.setattr(pairs, "find_pairs", lambda task: None)  # as on another machine's disk
    with pytest.raises(UserError, match=r"is not in .*/pairs; expected a store that all machines"):
        make_poor("pairs")
