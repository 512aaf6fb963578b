"""The corpus: performances that can be used, what was left out, and the segments cut from them."""

import hashlib
from collections import Counter
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from degradation.errors import UserError
from pipelines.execution.progress import log_progress
from pipelines.execution.worker_pool import run_tasks
from pipelines.metadata import records_metadata, table_metadata
from pipelines.resources import Project
from storage.corpus import SPLITS, Fault, choose, read_index
from storage.demo_corpus import write_demo_corpus
from storage.performances import fault_rows, plan_performances, write_performances_part
from storage.segments import write_segments
from storage.tables import Table, commit, part_path, read_table, write_part
from storage.twins import set_twins_apart

GROUP = "corpus"


@dg.asset(group_name=GROUP, kinds={"midi", "deltalake"}, owners=["team:data"], code_version="1")
def corpus(context: dg.AssetExecutionContext, project: Project) -> dg.MaterializeResult[None]:
    """Every performance of the MAESTRO root (or the demo corpus) that can be used, with its notes.

    Rows of the CSV and files that can't be used are quarantined with their reason, and so is what
    is the same music as a performance of a split that is held out more.
    """
    settings, workspace = project.settings, project.workspace
    performances = workspace.corpus_table("performances")
    quarantine = workspace.corpus_table("quarantine")
    if settings.maestro is None:
        write_demo_corpus(settings.corpus_root)
    index = read_index(settings.corpus_root)
    config = settings.corpus_config()
    entries = choose(index.entries, settings.limit, config.split_shares)
    tasks = plan_performances(
        performances, quarantine, settings.corpus_root, entries, config.duration_tolerance_s
    )
    reports = []
    with log_progress("corpus", len(entries), "performance", context.log.info) as advance:
        sized = ((len(task.entries), task) for task in tasks)
        for entry_count, _, report in run_tasks(write_performances_part, sized, settings.workers):
            advance(entry_count)
            reports.append(report)
    twins = workspace.corpus_table("twins")
    apart = set_twins_apart(performances, [report.performances for report in reports], twins)
    commit_faults(quarantine, "index", index.faults)
    commit(quarantine, [report.quarantine for report in reports], {"stage": "performances"})
    commit_faults(quarantine, "twins", apart.faults)
    commit(twins, [apart.twins])
    commit(performances, apart.performances)

    found = read_table(performances).to_table(columns=["split", "duration_s"])
    if not len(found):
        of_files = pc.field("stage") == "performances"
        first = read_table(quarantine).to_table(filter=of_files).to_pylist()[0]
        raise UserError(
            f"no performance of {settings.corpus_root} can be used; the first reason: "
            f"{first['item']}: {first['reason']}: see the quarantine table"
        )
    counts = Counter(found["split"].to_pylist())
    return dg.MaterializeResult(
        metadata={
            **table_metadata(performances),
            "corpus": settings.corpus_name,
            "root": str(settings.corpus_root),
            "hours": pc.sum(found["duration_s"]).as_py() / 3600,
            "in the index": len(index.entries) + len(index.faults),
            "chosen": len(entries),
            **{split: counts[split] for split in SPLITS},
            **quarantine_metadata(quarantine),
            "twins and near misses": records_metadata(read_table(twins).to_table().to_pylist()),
        },
        data_version=dg.DataVersion(
            f"{settings.corpus_name}-{parts_digest([part.path for part in apart.performances])}"
        ),
    )


@dg.asset(
    deps=[corpus],
    group_name=GROUP,
    kinds={"deltalake"},
    owners=["team:data"],
    code_version="1",
)
def segments(project: Project) -> dg.MaterializeResult[None]:
    """Windows of every performance (10 s every 5 s), with the pedal position they start from."""
    settings, workspace = project.settings, project.workspace
    table = workspace.corpus_table("segments")
    quarantine = workspace.corpus_table("quarantine")
    part, faults = write_segments(
        table, workspace.corpus_table("performances"), settings.corpus_config()
    )
    commit_faults(quarantine, "segments", faults)
    commit(table, [part])
    found = read_table(table).to_table(columns=["split", "note_count", "duration_s"])
    counts = Counter(found["split"].to_pylist())
    return dg.MaterializeResult(
        metadata={
            **table_metadata(table),
            "hours": pc.sum(found["duration_s"]).as_py() / 3600,
            "notes a segment": pc.mean(found["note_count"]).as_py(),
            **{split: counts[split] for split in SPLITS},
            **quarantine_metadata(quarantine),
        },
        data_version=dg.DataVersion(f"{settings.corpus_name}-{parts_digest([part.path])}"),
    )


def commit_faults(quarantine: Table, stage: str, faults: list[Fault] | tuple[Fault, ...]) -> None:
    """Make `faults` all that a stage has in quarantine."""
    rows = fault_rows(list(faults))
    name = f"{stage}-{parts_digest([repr(fault) for fault in faults])}"
    path = part_path(quarantine, {"stage": stage}, name)
    commit(quarantine, [write_part(quarantine, path, [rows])], {"stage": stage})


def quarantine_metadata(quarantine: Table) -> dict[str, Any]:
    """Return how much was left out so far, and the first of it with its reason."""
    rows: pa.Table = read_table(quarantine).to_table()
    return {"quarantined": len(rows), "quarantine": records_metadata(rows.to_pylist())}


def parts_digest(paths: list[str]) -> str:
    """Return what these parts are called by, whatever their order."""
    return hashlib.sha256("\n".join(sorted(paths)).encode()).hexdigest()[:12]
