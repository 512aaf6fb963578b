"""Where tasks run: worker processes on this machine."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from degradation.errors import UserError

Key = TypeVar("Key")
Task = TypeVar("Task")
Result = TypeVar("Result")

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""A worker process is one core: its libraries may not start threads of their own."""

LIVES = 3
"""How many pools in a row may die (killed, or out of memory) before the run gives up."""

PARENT_WATCH_S = 1.0


def run_tasks(
    work: Callable[[Task], Result], tasks: Iterable[tuple[Key, Task]], workers: int
) -> Iterator[tuple[Key, Task, Result]]:
    """Yield each task with its key and result, in order of completion; tasks are taken as needed.

    `work` and the tasks must be picklable; keys stay here. An error in a task ends the run; a
    worker that dies is replaced and what it did is done again. Raises UserError when pools die
    `LIVES` times in a row without any task done between.
    """
    waiting = iter(tasks)
    unfinished: list[tuple[Key, Task]] = []  # taken, and its result not yet passed on
    lives = LIVES
    while lives:
        try:
            for key, task, result in _run_in_one_pool(work, waiting, unfinished, workers):
                lives = LIVES
                yield key, task, result
            return
        except BrokenProcessPool:
            lives -= 1
    raise UserError(
        f"worker processes died {LIVES} times in a row, most likely for want of memory: run again "
        "with fewer, such as PIANOGRADE_WORKERS=1; finished parts are kept"
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
                    pending[pool.submit(work, taken[1])] = taken
                if not pending:
                    return
                done, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    result, taken = future.result(), pending.pop(future)
                    unfinished[:] = [other for other in unfinished if other is not taken]
                    yield *taken, result
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
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


def _end_with_parent(parent: int) -> None:
    """Let this worker end when the process that started it is gone, even by SIGKILL."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_WATCH_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
