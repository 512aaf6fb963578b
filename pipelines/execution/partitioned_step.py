"""A partitioned step: tasks of many folders of a table run in workers, each committed whole.

Data files are named by their content, so that a run after one that was killed makes only the
missing ones.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import dagster as dg

from degradation.errors import UserError
from pipelines.contents import renew_index
from pipelines.execution.cost import Cost, measure
from pipelines.execution.engine import Engine, run_tasks
from pipelines.execution.progress import log_progress
from pipelines.partitions import (
    DATA_VERSION_TAG,
    TierYear,
    partition_key,
    tier_years,
    tiers_by_corpus,
)
from pipelines.resources import Project
from pipelines.workspace import Workspace
from storage.tables import DataFile, Table, commit, data_file_rows, partition_of

ROW_COUNT = "dagster/partition_row_count"

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """The content of a partition: its rows and bytes, and a version that digests its files."""

    rows: int
    size: int
    version: str

    @classmethod
    def of(cls, files: Sequence[DataFile]) -> "Committed":
        """Return the content of a folder with these files, whose names digest their rows."""
        return cls(
            rows=sum(file.rows for file in files),
            size=sum(file.size for file in files),
            version=_digest(f.path for f in files),
        )

    @classmethod
    def together(cls, parts: Mapping[TierYear, "Committed"]) -> "Committed":
        """Return the content of several folders."""
        versions = (f"{folder.year} {part.version}" for folder, part in parts.items())
        return cls(
            rows=sum(part.rows for part in parts.values()),
            size=sum(part.size for part in parts.values()),
            version=_digest(versions),
        )


def _digest(lines: Iterator[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Generic[Task, Result]):
    """A step as functions, for one corpus.

    `count` returns the number of rows that a folder will have, `size` that of a task. `plan` cuts
    a folder into tasks; it is called when the folder's turn comes, so that memory does not grow
    with the corpus. `find` returns the result that an earlier run left for a task, or None; `work`
    runs in a worker process; `commit` writes a folder, and why. `quarantine` takes a task that
    always kills its worker, and how; without it such a task ends the run when all others are done.
    `tables` are those that the step writes; `metadata` describes a tier of the corpus when all is
    committed.
    """

    tables: Sequence[Table]
    engine: Engine
    count: Callable[[TierYear], int]
    plan: Callable[[TierYear], list[Task]]
    find: Callable[[Task], Result | None]
    work: Callable[[Task], Result]
    size: Callable[[Task], int]
    commit: Callable[[TierYear, list[Result], str], Committed]
    metadata: Callable[[str], Mapping[str, Any]]
    quarantine: Callable[[Task, str], Result] | None = None


@dataclass(slots=True)
class _Started(Generic[Result]):
    tasks: int
    results: list[Result] = field(default_factory=list)


def run_partitions(
    context: dg.AssetExecutionContext,
    project: Project,
    step_of: Callable[[Workspace], Step[Task, Result]],
) -> Iterator[dg.MaterializeResult[None]]:
    """Run the step of each corpus for the run's tiers, and yield what Dagster records.

    Dagster gives all partitions of a result one data version, so that a change of one would
    remake what depends on the others. Of several partitions, events after the result correct that.
    The cost of a run is shared among its partitions by the rows that it made of each.
    """
    done: dict[str, tuple[Committed, Mapping[str, Any]]] = {}
    for corpus, tiers in tiers_by_corpus(context.partition_keys).items():
        workspace = project.workspace(corpus)
        contents: dict[str, Committed] = {}
        described: dict[str, Mapping[str, Any]] = {}
        with measure() as cost:
            step, years = step_of(workspace), workspace.years()
            committed, made = _run_step(context, step, tier_years(tiers, years))
            for table in step.tables:
                empty_other_years(table, years)
            for tier in tiers:
                parts = {one: part for one, part in committed.items() if one.tier == tier}
                contents[tier] = Committed.together(parts)
                described[tier] = step.metadata(tier)
        index = renew_index(workspace, context.asset_key, context.log.warning)
        for tier, content in contents.items():
            share = made[tier] / made.total() if made.total() else 1 / len(tiers)
            figures = figures_metadata(content, made[tier], cost, share)
            shown = {**described[tier], **figures, **index}
            done[partition_key(corpus, tier)] = content, shown
    if len(done) == 1:
        [(content, metadata)] = done.values()
        yield dg.MaterializeResult(
            metadata=metadata,
            data_version=dg.DataVersion(content.version),
        )
        return
    yield dg.MaterializeResult()
    for key, (content, metadata) in done.items():
        context.log_event(
            dg.AssetMaterialization(
                asset_key=context.asset_key,
                partition=key,
                metadata=metadata,
                tags={DATA_VERSION_TAG: content.version},
            )
        )


def figures_metadata(content: Committed, made: int, cost: Cost, share: float) -> dict[str, Any]:
    """Return the figures of a partition that the UI plots; no speed where nothing was made."""
    figures: dict[str, Any] = {
        ROW_COUNT: content.rows,
        "bytes": content.size,
        "rows made": made,
        **cost.metadata(share),
    }
    if made:
        figures["rows a second"] = round(made / (cost.seconds * share), 2)
    return figures


def _run_step(
    context: dg.AssetExecutionContext, step: Step[Task, Result], folders: Sequence[TierYear]
) -> tuple[dict[TierYear, Committed], Counter[str]]:
    """Run a step for some folders; return what was committed, and how many rows of each tier were
    made now: the others were there."""
    name = "/".join(context.asset_key.path)
    why = f"{name}, run {context.op_execution_context.run_id}"
    committed: dict[TierYear, Committed] = {}
    made: Counter[str] = Counter()
    started: dict[TierYear, _Started[Result]] = {}

    def collect(folder: TierYear, task: Task, result: Result) -> None:
        advance(step.size(task))
        started[folder].results.append(result)
        if len(started[folder].results) == started[folder].tasks:
            committed[folder] = step.commit(folder, started.pop(folder).results, why)

    quarantined: list[Result] = []

    def quarantine(task: Task, reason: str) -> Result:
        assert step.quarantine
        context.log.warning(f"{task} is in quarantine: {reason}")
        quarantined.append(step.quarantine(task, reason))
        return quarantined[-1]

    def tasks_to_run() -> Iterator[tuple[TierYear, Task]]:
        for folder in folders:
            planned = step.plan(folder)
            started[folder] = _Started(tasks=len(planned))
            if not planned:
                committed[folder] = step.commit(folder, started.pop(folder).results, why)
            for task in planned:
                if (result := step.find(task)) is None:
                    yield folder, task
                else:
                    collect(folder, task, result)

    total = sum(step.count(folder) for folder in folders)
    with log_progress(name, total, "row", context.log.info) as advance:
        for folder, task, result in run_tasks(
            step.work, tasks_to_run(), step.engine, quarantine if step.quarantine else None
        ):
            if step.engine.scheduler and result not in quarantined and step.find(task) is None:
                raise UserError(
                    f"a Dask worker made {task}, but it is not in {step.tables[0].url}; expected a "
                    "store that all machines share: PIANOGRADE_STORE=s3://…, or a folder that is "
                    "mounted at the same path everywhere, as a corpus of recordings must be"
                )
            made[folder.tier] += step.size(task)
            collect(folder, task, result)
    if lost := set(folders) - set(committed):
        raise RuntimeError(f"folders were not committed: {sorted(lost)}")
    return committed, made


def empty_other_years(table: Table, years: Sequence[str]) -> None:
    """Empty the folders of years that are no longer in the corpus."""
    for path in data_file_rows(table):
        if partition_of(path)["year"] not in years:
            commit(table, [], partition_of(path))
