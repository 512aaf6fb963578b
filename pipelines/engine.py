"""Where tasks run: worker processes on this machine."""

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import TypeVar

from degradation.errors import UserError

Key = TypeVar("Key")
Task = TypeVar("Task")
Result = TypeVar("Result")

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""A worker process is one core: its libraries may not start threads of their own."""

LIVES = 3
"""How many pools are tried in turn when a worker dies (killed, or out of memory)."""


def run_tasks(
    work: Callable[[Task], Result], tasks: Iterable[tuple[Key, Task]], workers: int
) -> Iterator[tuple[Key, Task, Result]]:
    """Yield each task with its key and result, in order of completion; tasks are taken as needed.

    `work` and the tasks must be picklable; keys stay here. An error in a task ends the run; a
    worker that dies is replaced and what it did is done again. Raises UserError when workers
    keep dying.
    """
    waiting = iter(tasks)
    unfinished: list[tuple[Key, Task]] = []
    for _ in range(LIVES):
        pending: dict[Future[Result], tuple[Key, Task]] = {}
        try:
            with _pool(workers) as pool:  # starts its workers at the first task
                try:
                    while True:
                        room = 2 * workers - len(pending)
                        again, unfinished = unfinished[:room], unfinished[room:]
                        for key, task in [*again, *islice(waiting, room - len(again))]:
                            pending[pool.submit(work, task)] = (key, task)
                        if not pending:
                            return
                        done, _ = wait(pending, return_when=FIRST_COMPLETED)
                        for future in done:
                            result = future.result()
                            yield *pending.pop(future), result
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
        except BrokenProcessPool:
            unfinished = [*pending.values(), *unfinished]
    raise UserError(
        f"worker processes died {LIVES} times, most likely for want of memory: run again with "
        "fewer, such as PIANOGRADE_WORKERS=1; finished parts are kept"
    )


def _pool(workers: int) -> ProcessPoolExecutor:
    # "spawn", because forking a process that has threads (Dagster, Arrow) can hang.
    os.environ.update({name: os.environ.get(name, one) for name, one in ONE_THREAD.items()})
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
