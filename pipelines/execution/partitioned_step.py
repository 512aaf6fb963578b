"""A partitioned step: tasks of many partitions run in workers, each partition committed whole.

A partition is recorded in Dagster as soon as it is committed, so a run that is killed keeps what
it finished. Parts are named by their content, so the next run makes only the missing ones.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import dagster as dg

from pipelines.execution.progress import log_progress
from pipelines.execution.worker_pool import run_tasks
from pipelines.partitions import TierYear, partitions_of
from storage.tables import DataFile, Table, commit, data_file_rows, partition_of

DATA_VERSION_TAG = "dagster/data_version"

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """The content of a partition: its number of rows, and a version that digests its parts."""

    rows: int
    version: str

    @classmethod
    def of(cls, parts: Sequence[DataFile]) -> "Committed":
        """Return the content of a partition with these parts, whose names digest their rows."""
        paths = "\n".join(sorted(part.path for part in parts))
        version = hashlib.sha256(paths.encode()).hexdigest()[:16]
        return cls(rows=sum(part.rows for part in parts), version=version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Generic[Task, Result]):
    """A partitioned step as functions.

    `count` returns the number of rows a partition will have, `size` that of a task. `plan` cuts a
    partition into tasks; it is called when the partition starts, so that memory does not grow
    with the corpus. `find` returns the result that an earlier run left for a task, or None; `work`
    runs in a worker process; `commit` writes a partition.
    """

    count: Callable[[TierYear], int]
    plan: Callable[[TierYear], list[Task]]
    find: Callable[[Task], Result | None]
    work: Callable[[Task], Result]
    size: Callable[[Task], int]
    commit: Callable[[TierYear, list[Result]], Committed]


@dataclass(slots=True)
class _Started(Generic[Result]):
    tasks: int
    results: list[Result] = field(default_factory=list)


def run_step(
    context: dg.AssetExecutionContext, step: Step[Task, Result], workers: int
) -> dict[TierYear, Committed]:
    """Run a step for every partition of the run; return what was committed, by partition."""
    partitions = partitions_of(context)
    committed: dict[TierYear, Committed] = {}
    started: dict[TierYear, _Started[Result]] = {}

    def commit_partition(partition: TierYear) -> None:
        committed[partition] = step.commit(partition, started.pop(partition).results)
        context.log_event(_materialization(context, partition, committed[partition], {}))

    def collect(partition: TierYear, task: Task, result: Result) -> None:
        advance(step.size(task))
        started[partition].results.append(result)
        if len(started[partition].results) == started[partition].tasks:
            commit_partition(partition)

    def tasks_to_run() -> Iterator[tuple[TierYear, Task]]:
        for partition in partitions:
            planned = step.plan(partition)
            started[partition] = _Started(tasks=len(planned))
            if not planned:
                commit_partition(partition)
            for task in planned:
                if (result := step.find(task)) is None:
                    yield partition, task
                else:
                    collect(partition, task, result)

    name = "/".join(context.asset_key.path)
    total = sum(step.count(partition) for partition in partitions)
    with log_progress(name, total, "row", context.log.info) as advance:
        for partition, task, result in run_tasks(step.work, tasks_to_run(), workers):
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

    Dagster gives all partitions of a result one data version, so that a change of one would
    remake what depends on the others. The events after the result correct that. The last of them,
    which the UI shows, also carries the metadata of the whole table.
    """
    yield dg.MaterializeResult()
    of_run = {
        "partitions in this run": len(committed),
        "rows in this run": sum(content.rows for content in committed.values()),
    }
    for number, (partition, content) in enumerate(committed.items(), start=1):
        of_table = {**metadata, **of_run} if number == len(committed) else {}
        context.log_event(_materialization(context, partition, content, of_table))


def _materialization(
    context: dg.AssetExecutionContext,
    partition: TierYear,
    content: Committed,
    metadata: dict[str, Any],
) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        asset_key=context.asset_key,
        partition=partition.key,
        metadata={**metadata, "dagster/partition_row_count": content.rows},
        tags={DATA_VERSION_TAG: content.version},
    )


def empty_other_years(table: Table, years: list[str]) -> None:
    """Empty the partitions of years that are no longer in the corpus."""
    for path in data_file_rows(table):
        if partition_of(path)["year"] not in years:
            commit(table, [], partition_of(path))
