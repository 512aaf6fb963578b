"""The corpus: usable performances, what was left out, and the segments cut from them."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from degradation.errors import UserError
from pipelines.assets.accounted import accounted
from pipelines.automation import REMATERIALIZE_ON_CHANGE
from pipelines.execution.engine import Engine, run_tasks
from pipelines.execution.progress import log_progress
from pipelines.metadata import defined, records_metadata, table_metadata
from pipelines.partitions import CORPORA
from pipelines.resources import Project
from storage.corpus import SPLITS, Fault, choose, read_index
from storage.demo_corpus import write_demo_corpus
from storage.performances import (
    fault_rows,
    plan_performances,
    quarantine_performances,
    write_performances,
)
from storage.segments import write_segments
from storage.tables import Table, commit, data_file_path, read_table, write_data_file
from storage.twins import remove_twins


@dg.asset(
    partitions_def=CORPORA,
    group_name="corpus",
    kinds={"midi", "deltalake"},
    owners=["team:data"],
    pool="workers",
    code_version="1",
)
@accounted
def corpus(context: dg.AssetExecutionContext, project: Project) -> dg.MaterializeResult[None]:
    """Every usable performance of the MAESTRO root (or the demo corpus), with its notes.

    Rows of the CSV and files that cannot be used are quarantined with the reason. So is music that
    is also in another split, which keeps it.
    """
    workspace = project.workspace(context.partition_key)
    settings, chosen = workspace.settings, workspace.corpus
    performances, quarantine, twins = (
        workspace.corpus_table(name) for name in ("performances", "quarantine", "twins")
    )
    if chosen.maestro is None:
        write_demo_corpus(workspace.root)
    index, config = read_index(workspace.root), settings.corpus_config()
    entries = choose(index.entries, chosen.limit, config.split_shares)
    tasks = plan_performances(
        performances, quarantine, workspace.root, entries, config.duration_tolerance_s
    )
    written = []
    engine = Engine(workers=settings.workers)  # the root's files may be on this machine alone
    with log_progress("corpus", len(entries), "performance", context.log.info) as advance:
        sized = ((len(task.entries), task) for task in tasks)
        for entry_count, _, files in run_tasks(
            write_performances, sized, engine, quarantine_performances
        ):
            advance(entry_count)
            written.append(files)
    apart = remove_twins(performances, [made for made, _ in written], twins)
    commit_faults(quarantine, "index", index.faults)
    why = f"corpus, run {context.op_execution_context.run_id}"
    commit(quarantine, [left_out for _, left_out in written], {"stage": "performances"}, why)
    commit_faults(quarantine, "twins", apart.faults)
    commit(twins, [apart.twins], why=why)
    commit(performances, apart.performances, why=why)
    refuse_empty_corpus(performances, quarantine, str(workspace.root))
    parts = parts_digest(part.path for part in apart.performances)
    return dg.MaterializeResult(
        metadata={
            **table_metadata(performances),
            "root": str(workspace.root),
            "in the index": len(index.entries) + len(index.faults),
            "chosen": len(entries),
            **duration_metadata(performances),
            **quarantine_metadata(quarantine),
            "twins and near misses": records_metadata(read_table(twins).to_table().to_pylist()),
        },
        data_version=dg.DataVersion(parts),
    )


@dg.asset(
    deps=[corpus],
    partitions_def=CORPORA,
    automation_condition=REMATERIALIZE_ON_CHANGE,
    group_name="corpus",
    kinds={"deltalake"},
    owners=["team:data"],
    code_version="1",
)
@accounted
def segments(context: dg.AssetExecutionContext, project: Project) -> dg.MaterializeResult[None]:
    """Windows of every performance (10 s every 5 s), with the pedal position at their start."""
    workspace = project.workspace(context.partition_key)
    performances, quarantine, table = (
        workspace.corpus_table(name) for name in ("performances", "quarantine", "segments")
    )
    part, faults = write_segments(table, performances, workspace.settings.corpus_config())
    commit_faults(quarantine, "segments", faults)
    commit(table, [part], why=f"segments, run {context.op_execution_context.run_id}")
    note_counts = read_table(table).to_table(columns=["note_count"])["note_count"]
    return dg.MaterializeResult(
        metadata={
            **table_metadata(table),
            "notes a segment": defined(pc.mean(note_counts).as_py()),
            **duration_metadata(table),
            **quarantine_metadata(quarantine),
        },
        data_version=dg.DataVersion(parts_digest([part.path])),
    )


def refuse_empty_corpus(performances: Table, quarantine: Table, root: str) -> None:
    """Raise UserError when no performance can be used, with the first reason."""
    if read_table(performances).count_rows():
        return
    of_files = pc.field("stage") == "performances"
    first = read_table(quarantine).to_table(filter=of_files).to_pylist()[0]
    raise UserError(
        f"no performance of {root} can be used; the first reason: {first['item']}: "
        f"{first['reason']}: see the quarantine table"
    )


def commit_faults(quarantine: Table, stage: str, faults: Sequence[Fault]) -> None:
    """Replace everything that a stage has in quarantine by `faults`."""
    name = f"{stage}-{parts_digest(repr(fault) for fault in faults)}"
    path = data_file_path(quarantine, {"stage": stage}, name)
    part = write_data_file(quarantine, path, [fault_rows(list(faults))])
    commit(quarantine, [part], {"stage": stage})


def duration_metadata(table: Table) -> dict[str, Any]:
    """Return a table's hours of music, and its number of rows in each split."""
    rows = read_table(table).to_table(columns=["split", "duration_s"])
    counts = Counter(rows["split"].to_pylist())
    return {
        "hours": defined(pc.sum(rows["duration_s"]).as_py() / 3600),
        **{split: counts[split] for split in SPLITS},
    }


def quarantine_metadata(quarantine: Table) -> dict[str, Any]:
    """Return the number of items left out so far, and the first of them with the reason."""
    rows: pa.Table = read_table(quarantine).to_table()
    return {"quarantined": len(rows), "quarantine": records_metadata(rows.to_pylist())}


def parts_digest(paths: Iterable[str]) -> str:
    """Return a digest of the names of parts, in any order."""
    return hashlib.sha256("\n".join(sorted(paths)).encode()).hexdigest()[:12]
