"""Where tasks run: in worker processes of this machine, or on a Dask cluster."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from degradation.errors import UserError
from pipelines.execution.dask_cluster import run_on_cluster
from pipelines.execution.worker_pool import Killed, run_in_pool

Key = TypeVar("Key")
Task = TypeVar("Task")
Result = TypeVar("Result")

MOST_KILLED = 3
"""Killed tasks with none finished between them, before the workers are blamed and not the tasks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The worker processes of this machine, or the address of a Dask scheduler."""

    workers: int
    scheduler: str | None = None


def run_tasks(
    work: Callable[[Task], Result],
    tasks: Iterable[tuple[Key, Task]],
    engine: Engine,
    replace: Callable[[Task, str], Result] | None = None,
) -> Iterator[tuple[Key, Task, Result]]:
    """Yield each task with its key and result, in order of completion; `tasks` is read lazily.

    `work` and the tasks must be picklable; keys stay in this process. An error in a task ends the
    iteration. A worker that dies is replaced and its tasks are repeated. Of a task that always
    kills its worker, the result is what `replace` makes of it and of how the worker ended; without
    `replace` UserError names such tasks when the others are done.
    """
    if engine.scheduler:
        finished = run_on_cluster(work, tasks, engine.scheduler)
    else:
        finished = run_in_pool(work, tasks, engine.workers)
    in_a_row, lost = 0, []
    for key, task, result in finished:
        if not isinstance(result, Killed):
            in_a_row = 0
            yield key, task, result
            continue
        in_a_row += 1
        if in_a_row == MOST_KILLED:
            finished.close()
            raise UserError(
                f"worker processes died on each of {MOST_KILLED} tasks: the last {result.how}, at "
                f"{task}; {_WAY_OUT}"
            )
        if replace:
            yield key, task, replace(task, f"its worker process {result.how}")
        else:
            lost.append(f"{task} (its worker {result.how})")
    if lost:
        raise UserError(
            f"tasks that always kill their worker process: {', '.join(lost)}; {_WAY_OUT}"
        )


_WAY_OUT = (
    "finished parts are kept: run again, with PIANOGRADE_WORKERS=1 if memory ran out (the kernel "
    "then sends SIGKILL)"
)
