"""A partitioned step: tasks of many partitions over the workers, each partition committed whole.

A partition is recorded in Dagster as soon as it is committed, so a run that is killed keeps what
it finished; and its parts are named by what they hold, so the next run makes only the others.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import dagster as dg

from pipelines.execution.progress import Progress
from pipelines.execution.worker_pool import run_tasks
from pipelines.partitions import TierYear, partitions_of
from storage.tables import Part, Table, commit, part_rows, partition_of

DATA_VERSION_TAG = "dagster/data_version"

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What a partition holds now: its number of rows, and a version that follows from its parts."""

    rows: int
    version: str

    @classmethod
    def of(cls, parts: list[Part]) -> "Committed":
        """Return what is committed with these parts; their names say what they hold."""
        paths = "\n".join(sorted(part.path for part in parts))
        version = hashlib.sha256(paths.encode()).hexdigest()[:16]
        return cls(rows=sum(part.rows for part in parts), version=version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Generic[Task, Result]):
    """What a partitioned step does: cut a partition into tasks, work, and commit the results.

    `count` is the number of rows a partition will have, `size` that of a task's; `plan` is
    called when a partition's turn comes, so that memory does not grow with the corpus. `find`
    returns what a task made before, if it did: then it needs no worker.
    """

    count: Callable[[TierYear], int]
    plan: Callable[[TierYear], list[Task]]
    find: Callable[[Task], Result | None]
    work: Callable[[Task], Result]
    size: Callable[[Task], int]
    commit: Callable[[TierYear, list[Result]], Committed]


@dataclass(slots=True)
class _Opened(Generic[Result]):
    tasks: int
    results: list[Result] = field(default_factory=list)


def run_step(
    context: dg.AssetExecutionContext, step: Step[Task, Result], workers: int
) -> dict[TierYear, Committed]:
    """Do a step for every partition of the run; return what was committed, by partition."""
    partitions = partitions_of(context)
    committed: dict[TierYear, Committed] = {}
    opened: dict[TierYear, _Opened[Result]] = {}

    def finish(partition: TierYear, results: list[Result]) -> None:
        committed[partition] = step.commit(partition, results)
        context.log_event(_materialization(context, partition, committed[partition], {}))

    def collect(partition: TierYear, task: Task, result: Result) -> None:
        progress.advance(step.size(task))
        opened[partition].results.append(result)
        if len(opened[partition].results) == opened[partition].tasks:
            finish(partition, opened.pop(partition).results)

    def tasks_to_do() -> Iterator[tuple[TierYear, Task]]:
        for partition in partitions:
            planned = step.plan(partition)
            opened[partition] = _Opened(tasks=len(planned))
            if not planned:
                finish(partition, [])
            for task in planned:
                if (made_before := step.find(task)) is None:
                    yield partition, task
                else:
                    collect(partition, task, made_before)

    what = "/".join(context.asset_key.path)
    total = sum(step.count(partition) for partition in partitions)
    with Progress(what, total, "row", context.log.info) as progress:
        for partition, task, result in run_tasks(step.work, tasks_to_do(), workers):
            collect(partition, task, result)
    if lost := set(partitions) - set(committed):
        raise RuntimeError(f"partitions were not committed: {sorted(lost)}")
    return committed


def materialised(
    context: dg.AssetExecutionContext,
    committed: dict[TierYear, Committed],
    metadata: dict[str, Any],
) -> Iterator[dg.MaterializeResult[None]]:
    """Yield the step's result, then record each partition with its own data version.

    Dagster gives all partitions of a result one data version. What follows from a partition would
    then be made again whenever its neighbour changed; the events after the result put it right.
    """
    yield dg.MaterializeResult()
    for number, (partition, made) in enumerate(committed.items(), start=1):
        # What is said of the whole table is said once, by the event that is the latest.
        about = metadata if number == len(committed) else {}
        context.log_event(_materialization(context, partition, made, about))


def _materialization(
    context: dg.AssetExecutionContext,
    partition: TierYear,
    made: Committed,
    metadata: dict[str, Any],
) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        asset_key=context.asset_key,
        partition=partition.key,
        metadata={**metadata, "dagster/partition_row_count": made.rows},
        tags={DATA_VERSION_TAG: made.version},
    )


def forget_other_years(table: Table, years: list[str]) -> None:
    """Empty the partitions of years that the corpus has no more."""
    for path in part_rows(table):
        if partition_of(path)["year"] not in years:
            commit(table, [], partition_of(path))
