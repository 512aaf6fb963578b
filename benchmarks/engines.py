"""What a local Dask cluster costs over the pool: `python -m benchmarks.engines CORPUS`.

Pairs of the corpus are made by each in turn, with its workers' start and again by the same workers.
Seconds of processors count what waits for a busy machine out; they include start and end.
"""

import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

from pipelines.assets.pairs import pairs_step
from pipelines.execution.engine import Engine, run_tasks
from pipelines.execution.worker_pool import end_kept_workers
from pipelines.partitions import tier_years
from pipelines.settings import find_recipe
from pipelines.workspace import open_workspace
from storage.pairs import PairsTask, write_pairs

ROUNDS = 3
TASK_ROWS = 12


def print_costs(corpus: str) -> None:
    """Print the seconds of each round, and the medians of the ratios."""
    workspace = open_workspace(corpus)
    workers = workspace.settings.workers
    with tempfile.TemporaryDirectory() as folder:
        tasks = _tasks(corpus, Path(folder))
        print(f"{len(tasks)} tasks, {workers} workers; seconds at first, again, of processors")
        rounds = []
        for _ in range(ROUNDS):
            measured = [
                _measure(started, tasks, Path(folder))
                for started in (partial(_pool, workers), partial(_dask, workers))
            ]
            rounds.append([dask / pool for pool, dask in zip(*measured, strict=True)])
            for name, seconds in zip(("pool", "Dask"), measured, strict=True):
                print(name, *(f"{one:.1f}" for one in seconds), flush=True)
    print("Dask over pool:", *(f"{median(ratios):.3f}" for ratios in zip(*rounds, strict=True)))


def _tasks(corpus: str, folder: Path) -> list[PairsTask]:
    """Return tasks of the tier `poor`, so small that workers end at about the same time."""
    workspace = open_workspace(corpus)
    step = pairs_step(find_recipe("phase2"), workspace)
    return [
        replace(
            task,
            table=replace(task.table, url=str(folder / "pairs")),
            quarantine=replace(task.quarantine, url=str(folder / "quarantine")),
            draws=task.draws[first : first + TASK_ROWS],
        )
        for tier_year in tier_years(["poor"], workspace.years())
        for task in step.plan(tier_year)
        for first in range(0, len(task.draws), TASK_ROWS)
    ]


@contextmanager
def _pool(workers: int) -> Iterator[Engine]:
    yield Engine(workers=workers)
    end_kept_workers()


@contextmanager
def _dask(workers: int) -> Iterator[Engine]:
    from distributed import LocalCluster

    with LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster:
        yield Engine(workers=workers, scheduler=cluster.scheduler_address)


def _measure(
    start: Callable[[], AbstractContextManager[Engine]], tasks: list[PairsTask], folder: Path
) -> list[float]:
    begun, begun_cpu_s = time.perf_counter(), _cpu_s()
    with start() as engine:
        seconds = []
        for _ in range(2):
            for table in ("pairs", "quarantine"):
                shutil.rmtree(folder / table, ignore_errors=True)
            for _ in run_tasks(write_pairs, ((None, task) for task in tasks), engine):
                pass
            seconds.append(time.perf_counter() - begun)
            begun = time.perf_counter()
    return [*seconds, _cpu_s() - begun_cpu_s]


def _cpu_s() -> float:
    """Return the seconds of processors that this process and its ended children took."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(use.ru_utime + use.ru_stime for use in map(resource.getrusage, kinds))


if __name__ == "__main__":
    print_costs(sys.argv[1])
