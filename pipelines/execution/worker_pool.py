"""Runs tasks in worker processes on this machine, which are kept from one step to the next."""

import multiprocessing
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

from pipelines.execution.signals import children_ignore_ctrl_c

Key = TypeVar("Key")
Task = TypeVar("Task")
Result = TypeVar("Result")

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""A worker process uses one core: its libraries must not start threads of their own."""

DEATHS_BEFORE_ALONE = 2
"""So often workers die while a task is under way, among others, before it is tried alone."""

PARENT_CHECK_S = 1.0

KEPT_S = 20.0
"""Idle workers are kept for the next step so long; then their memory is free for others."""


MOST_KEPT_BYTES = 1 << 30
"""A worker that holds more is ended after its step: the next one has no use for it."""


@dataclass(frozen=True, slots=True)
class Killed:
    """What a task has instead of a result that kills its worker each time; `how` says how."""

    how: str


class PoolCrashError(Exception):
    """A worker process ended unexpectedly; the message says how."""


def run_in_pool(
    work: Callable[[Task], Result], tasks: Iterable[tuple[Key, Task]], workers: int
) -> Generator[tuple[Key, Task, Result | Killed]]:
    """Yield each task with its key and result, or how it kills its worker (see `run_tasks`).

    Tasks that were under way when workers died are done again; where that happens twice, each
    alone, so that it is known which one kills.
    """
    waiting = iter(tasks)
    unfinished: list[tuple[Key, Task]] = []  # started, and their results not yet yielded
    deaths: dict[int, int] = {}  # by `id`
    while True:
        try:
            yield from _run_in_one_pool(work, waiting, unfinished, workers)
            return
        except PoolCrashError:
            deaths = {id(one): deaths.get(id(one), 0) + 1 for one in unfinished}
        for started in [one for one in unfinished if deaths[id(one)] >= DEATHS_BEFORE_ALONE]:
            alone = [started]
            try:
                yield from _run_in_one_pool(work, iter(()), alone, workers=1)
            except PoolCrashError as crash:
                yield *started, Killed(f"{crash} each time")
            unfinished[:] = [other for other in unfinished if other is not started]


def _run_in_one_pool(
    work: Callable[[Task], Result],
    waiting: Iterator[tuple[Key, Task]],
    unfinished: list[tuple[Key, Task]],
    workers: int,
) -> Iterator[tuple[Key, Task, Result]]:
    """Run the `unfinished` tasks, then the `waiting` ones, which are listed there until done."""

    def start_waiting() -> Iterator[tuple[Key, Task]]:
        for started in waiting:
            unfinished.append(started)
            yield started

    upcoming = chain(list(unfinished), start_waiting())
    pending: dict[Future[Result], tuple[Key, Task]] = {}
    with _lent_pool(workers) as pool:  # starts its workers at the first tasks
        while True:
            for started in islice(upcoming, 2 * workers - len(pending)):
                with children_ignore_ctrl_c():
                    pending[pool.submit(work, started[1])] = started
            if not pending:
                return
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                result, started = future.result(), pending.pop(future)
                unfinished[:] = [other for other in unfinished if other is not started]
                yield *started, result


@dataclass(frozen=True, slots=True)
class _Kept:
    """A pool that waits for the next step, and the timer that ends it."""

    about: tuple[int, dict[str, str]]
    pool: ProcessPoolExecutor
    timer: threading.Timer


_kept: list[_Kept] = []
_lock = threading.Lock()


@contextmanager
def _lent_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Lend the pool that an earlier step left, or a new one; keep it for the next step.

    Raises PoolCrashError where a worker dies. After any error the workers are killed.
    """
    os.environ.update({name: os.environ.get(name, one) for name, one in ONE_THREAD.items()})
    about = workers, dict(os.environ)  # workers that began in another environment are no use
    pool = _take_kept(about) or ProcessPoolExecutor(
        workers,
        # Forking a process that has threads (Dagster, Arrow) can hang.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_end_with_parent,
        initargs=(os.getpid(),),
    )
    # A broken pool forgets its processes and how they ended.
    processes = {} if pool._processes is None else pool._processes
    try:
        yield pool
    except BrokenProcessPool as error:
        pool.shutdown()
        codes = {worker.exitcode for worker in processes.values()}
        raise PoolCrashError(describe_end(codes)) from error
    except BaseException:
        for worker in list(processes.values()):  # safe: parts are written whole or not at all
            worker.kill()
        pool.shutdown()
        raise
    if max(map(_resident_bytes, processes), default=0) > MOST_KEPT_BYTES:
        pool.shutdown(wait=False)
    else:
        _keep(about, pool)


def _take_kept(about: tuple[int, dict[str, str]] | None) -> ProcessPoolExecutor | None:
    """Return the kept pool if it is like this; end every other."""
    with _lock:
        taken, _kept[:] = list(_kept), []
    found = None
    for kept in taken:
        kept.timer.cancel()
        if kept.about == about and found is None:
            found = kept.pool
        else:
            kept.pool.shutdown(wait=False)
    return found


def end_kept_workers() -> None:
    """End the workers that wait for the next step, and wait until they have."""
    if pool := _take_kept(_kept[0].about if _kept else None):
        pool.shutdown()


def _keep(about: tuple[int, dict[str, str]], pool: ProcessPoolExecutor) -> None:
    timer = threading.Timer(KEPT_S, _take_kept, [None])
    timer.daemon = True
    with _lock:
        _kept.append(_Kept(about, pool, timer))
    timer.start()


def _resident_bytes(process: int) -> int:
    """Return the memory that a process holds; 0 where no system tells."""
    try:
        pages = Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(pages) * resource.getpagesize()


def describe_end(codes: Collection[int | None]) -> str:
    """Return how the worker that broke the pool ended, from the exit codes of all workers.

    The pool itself ends the others by SIGTERM.
    """
    own = [code for code in codes if code not in (None, -signal.SIGTERM)]
    code = own[0] if own else -signal.SIGTERM
    if code is None or code >= 0:
        return f"exited with code {code}"
    known = {number.value: number.name for number in signal.Signals}
    return f"was ended by signal {-code} ({known.get(-code, 'unknown')})"


def _end_with_parent(parent: int) -> None:
    """End this worker once the process that started it is gone, even by SIGKILL."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_CHECK_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
