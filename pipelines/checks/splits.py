"""No composition in two splits: or a model is tested on music that it was trained on."""

from collections import defaultdict
from collections.abc import Iterable

import dagster as dg

from pipelines.metadata import records_metadata
from pipelines.resources import Project
from storage.tables import read_table


def find_leaks(compositions_and_splits: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the compositions that stand in more than one split, with those splits."""
    splits: dict[str, set[str]] = defaultdict(set)
    for composition, split in compositions_and_splits:
        splits[composition].add(split)
    return {name: sorted(found) for name, found in splits.items() if len(found) > 1}


@dg.asset_check(asset="segments", blocking=True)
def no_composition_in_two_splits(project: Project) -> dg.AssetCheckResult:
    """Models are tested on music that they have not seen: composer and title are in one split."""
    table = read_table(project.workspace.corpus_table("segments"))
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
