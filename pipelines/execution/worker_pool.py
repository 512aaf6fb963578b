"""Runs tasks in worker processes on this machine."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from typing import TypeVar

from degradation.errors import UserError
from pipelines.execution.signals import children_ignore_ctrl_c

Key = TypeVar("Key")
Task = TypeVar("Task")
Result = TypeVar("Result")

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""A worker process uses one core: its libraries must not start threads of their own."""

MOST_CRASHES = 3
"""Consecutive pool crashes before giving up."""

PARENT_CHECK_S = 1.0


class PoolCrashError(Exception):
    """A worker process ended unexpectedly; the message says how."""


def run_tasks(
    work: Callable[[Task], Result], tasks: Iterable[tuple[Key, Task]], workers: int
) -> Iterator[tuple[Key, Task, Result]]:
    """Yield each task with its key and result, in order of completion; `tasks` is read lazily.

    `work` and the tasks must be picklable; keys stay in this process. An error in a task ends the
    iteration. A worker that dies is replaced and its tasks are repeated. Raises UserError after
    `MOST_CRASHES` crashes without a finished task between them.
    """
    waiting = iter(tasks)
    unfinished: list[tuple[Key, Task]] = []  # started, and their results not yet yielded
    crashes = 0
    while True:
        try:
            for finished in _run_in_one_pool(work, waiting, unfinished, workers):
                crashes = 0
                yield finished
            return
        except PoolCrashError as crash:
            crashes += 1
            if crashes < MOST_CRASHES:
                continue
            raise UserError(
                f"worker processes died {MOST_CRASHES} times in a row: the last {crash}; finished "
                "parts are kept: run again, with PIANOGRADE_WORKERS=1 if memory ran out (the "
                "kernel then sends SIGKILL)"
            ) from crash


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
    with _pool(workers) as pool:  # starts its workers at the first task
        processes = pool._processes  # a broken pool forgets its processes and how they ended
        try:
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
        except BrokenProcessPool as error:
            pool.shutdown()
            codes = {worker.exitcode for worker in processes.values()}
            raise PoolCrashError(describe_end(codes)) from error
        except BaseException:
            for worker in list(processes.values()):  # safe: parts are written whole or not at all
                worker.kill()
            raise


def _pool(workers: int) -> ProcessPoolExecutor:
    os.environ.update({name: os.environ.get(name, one) for name, one in ONE_THREAD.items()})
    return ProcessPoolExecutor(
        workers,
        # Forking a process that has threads (Dagster, Arrow) can hang.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_end_with_parent,
        initargs=(os.getpid(),),
    )


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
