"""The check that no composition is in two splits: models must not be tested on known music."""

from collections import defaultdict
from collections.abc import Iterable

import dagster as dg

from pipelines.metadata import records_metadata
from pipelines.partitions import CORPORA
from pipelines.resources import Project
from storage.tables import read_table


def find_leaks(compositions_and_splits: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the compositions that are in more than one split, with those splits."""
    splits: dict[str, set[str]] = defaultdict(set)
    for composition, split in compositions_and_splits:
        splits[composition].add(split)
    return {name: sorted(found) for name, found in splits.items() if len(found) > 1}


@dg.asset_check(asset="segments", blocking=True, partitions_def=CORPORA)
def no_composition_in_two_splits(
    context: dg.AssetCheckExecutionContext, project: Project
) -> dg.AssetCheckResult:
    """Every composition (composer and title) is in one split, so tests use unseen music."""
    table = read_table(project.workspace(context.partition_key).corpus_table("segments"))
    rows = table.to_table(columns=["composition", "split"])
    leaks = find_leaks(zip(*(column.to_pylist() for column in rows.columns), strict=True))
    listed = [{"composition": name, "splits": ", ".join(found)} for name, found in leaks.items()]
    return dg.AssetCheckResult(
        passed=not leaks,
        metadata={
            "compositions": len(set(rows["composition"].to_pylist())),
            "in two splits": len(leaks),
            "leaks": records_metadata(listed),
        },
    )
