"""Where tasks run: worker processes on this machine."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from degradation.errors import UserError
from pipelines.execution.signals import children_ignore_ctrl_c

Key = TypeVar("Key")
Task = TypeVar("Task")
Result = TypeVar("Result")

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""A worker process is one core: its libraries may not start threads of their own."""


class WorkerDeathError(Exception):
    """A worker ended that should not have; how it did."""


LIVES = 3
"""How many pools in a row may die before the run gives up."""

PARENT_WATCH_S = 1.0

CGROUPS = Path("/proc/self/cgroup")


def run_tasks(
    work: Callable[[Task], Result], tasks: Iterable[tuple[Key, Task]], workers: int
) -> Iterator[tuple[Key, Task, Result]]:
    """Yield each task with its key and result, in order of completion; tasks are taken as needed.

    `work` and the tasks must be picklable; keys stay here. An error in a task ends the run; a
    worker that dies is replaced and what it did is done again. Raises UserError when pools die
    `LIVES` times in a row without any task done between.
    """
    waiting = iter(tasks)
    killed_before = oom_kills()
    unfinished: list[tuple[Key, Task]] = []  # taken, and its result not yet passed on
    lives = LIVES
    while lives:
        try:
            for key, task, result in _run_in_one_pool(work, waiting, unfinished, workers):
                lives = LIVES
                yield key, task, result
            return
        except WorkerDeathError as death:
            lives -= 1
            how = str(death)
    for_memory = killed_before != oom_kills() and "SIGKILL" in how
    raise UserError(
        f"worker processes died {LIVES} times in a row: the last {how}"
        + (
            " for want of memory, as the kernel counted; finished parts are kept: run again with "
            "fewer, such as PIANOGRADE_WORKERS=1"
            if for_memory
            else "; finished parts are kept: run again to go on"
        )
    )


def _run_in_one_pool(
    work: Callable[[Task], Result],
    waiting: Iterator[tuple[Key, Task]],
    unfinished: list[tuple[Key, Task]],
    workers: int,
) -> Iterator[tuple[Key, Task, Result]]:
    """Do `unfinished` tasks, then `waiting` ones; what isn't done stays in `unfinished`."""
    again = list(unfinished)
    pending: dict[Future[Result], tuple[Key, Task]] = {}
    with _pool(workers) as pool:  # starts its workers at the first task
        processes = pool._processes  # the pool forgets them, and how they ended, when it breaks
        try:
            while True:
                while len(pending) < 2 * workers:
                    if again:
                        taken = again.pop(0)
                    else:
                        new = next(waiting, None)
                        if new is None:
                            break
                        taken = new
                        unfinished.append(taken)
                    with children_ignore_ctrl_c():
                        future = pool.submit(work, taken[1])
                    pending[future] = taken
                if not pending:
                    return
                done, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    result, taken = future.result(), pending.pop(future)
                    unfinished[:] = [other for other in unfinished if other is not taken]
                    yield *taken, result
        except BrokenProcessPool as error:
            pool.shutdown()
            codes = {worker.exitcode for worker in processes.values()}
            raise WorkerDeathError(describe_end(codes)) from error
        except BaseException:
            for worker in list(processes.values()):  # parts are whole or not there at all
                worker.kill()
            raise


def _pool(workers: int) -> ProcessPoolExecutor:
    # "spawn", because forking a process that has threads (Dagster, Arrow) can hang.
    os.environ.update({name: os.environ.get(name, one) for name, one in ONE_THREAD.items()})
    return ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_end_with_parent,
        initargs=(os.getpid(),),
    )


def describe_end(codes: Collection[int | None]) -> str:
    """Return how the worker ended that broke its pool, by the exit codes of all of them.

    The pool itself ends the others by SIGTERM.
    """
    own = [code for code in codes if code not in (None, -signal.SIGTERM)]
    code = own[0] if own else -signal.SIGTERM
    if code is None or code >= 0:
        return f"exited with code {code}"
    known = {number.value: number.name for number in signal.Signals}
    return f"was ended by signal {-code} ({known.get(-code, 'unknown')})"


def oom_kills() -> list[str]:
    """Return what the kernel counts of processes that were killed for memory, where it tells.

    By cgroup (memory.events of version 2, memory.oom_control of 1), and for the whole machine.
    """
    try:
        groups = [line.split(":", 2) for line in CGROUPS.read_text().splitlines()]
    except OSError:
        groups = []
    files = [Path("/proc/vmstat")]
    for _, controllers, path in groups:
        if not controllers:
            files += [Path(f"/sys/fs/cgroup{path}/memory.events")]
        elif "memory" in controllers.split(","):  # in a container the path is the host's
            files += [Path(f"/sys/fs/cgroup/memory{p}/memory.oom_control") for p in (path, "")]
    counts = []
    for file in files:
        with suppress(OSError):
            lines = file.read_text().splitlines()
            counts += [f"{file} {line}" for line in lines if line.startswith("oom_kill ")]
    return counts


def _end_with_parent(parent: int) -> None:
    """Let this worker end when the process that started it is gone, even by SIGKILL."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_WATCH_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
