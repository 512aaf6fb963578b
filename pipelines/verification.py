"""Verifies the tables of a corpus: files, counts against expectation, and rows made again.

`pianograde verify` and the job `verification` print and raise what this module finds.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from degradation.counted import counted
from degradation.errors import UserError
from degradation.recipe import Recipe
from pipelines.assets.pairs import expected_draws
from pipelines.checks.counts import find_miscounts
from pipelines.execution.engine import Engine, run_tasks
from pipelines.partitions import TierYear
from pipelines.settings import find_recipe
from pipelines.verified import Verified, describe_miscounts
from pipelines.workspace import ASSETS, PARTITIONED_BY, Workspace
from storage.corpus import choose, read_index
from storage.derived import by_folder, folder_path
from storage.integrity import NO_SOURCE, FileReport, FileTask, check_file, sample_rows, unpaired
from storage.schema import TABLES
from storage.segments import cut_segments
from storage.tables import (
    data_file_rows,
    data_files,
    partition_of,
    read_data_file,
    read_table,
    table_exists,
)


def verify(workspace: Workspace, recipes: Sequence[str], rows: int, seed: int) -> list[Verified]:
    """Verify every table of a corpus and of these recipes that exists.

    `rows` rows of each recipe's pairs, drawn by `seed`, are made again and compared.
    """
    found: dict[str, Verified] = {}
    for recipe in ("", *recipes):
        names = [name for name in TABLES if bool(recipe) != (name in PARTITIONED_BY)]
        for name in names:
            table = workspace.table(recipe, name) if recipe else workspace.corpus_table(name)
            prefix = f"{recipe}/" if recipe else ""
            if table_exists(table):
                found[prefix + name] = Verified(
                    name=prefix + name,
                    table=table,
                    asset=prefix + ASSETS[name],
                    workspace=workspace,
                )
    _check_files(found, workspace, rows, seed)
    readable = {name: one for name, one in found.items() if one.is_readable}
    _count_corpus(readable, workspace)
    for recipe in recipes:
        if f"{recipe}/pairs" in readable:
            _count_pairs(readable, workspace, recipe)
            _count_derived(readable, recipe)
    return list(found.values())


def _check_files(found: dict[str, Verified], workspace: Workspace, rows: int, seed: int) -> None:
    def tasks() -> Iterator[tuple[str, FileTask]]:
        for name, verified in found.items():
            try:
                verified.files = data_files(verified.table)
            except UserError as error:
                verified.is_readable = False
                verified.add(f"its log cannot be read ({error})", delete=True)
                continue
            drawn = sample_rows(verified.files, rows, seed) if name.endswith("/pairs") else {}
            verified.replayed = sum(map(len, drawn.values()))
            for file in verified.files:
                places = drawn.get(file.path, ())
                yield (
                    name,
                    FileTask(table=verified.table, file=file, replayed=places, root=workspace.root),
                )

    def killed(_: FileTask, how: str) -> FileReport:
        return FileReport(faults=(how,), damaged=True)

    engine = Engine(workers=workspace.settings.workers)
    for name, task, report in run_tasks(check_file, tasks(), engine, killed):
        verified, path = found[name], task.file.path
        verified.unsealed += not (report.sealed or report.damaged)
        if report.damaged:
            verified.damaged.add(path)
            verified.replayed -= len(task.replayed)
        for what in report.faults:
            verified.add(what, path, delete=True)


def performances_made(workspace: Workspace) -> int:
    """Return how many performances the corpus's table has; 0 where it was never made."""
    table = workspace.corpus_table("performances")
    return sum(data_file_rows(table).values()) if table_exists(table) else 0


def index_miscounts(workspace: Workspace) -> dict[str, int]:
    """Return how often each performance is in the table that is missing, twice, or not expected.

    Expected are those that the index and the corpus's limit name, without the quarantine. Raises
    UserError where the corpus root cannot be read.
    """
    shares, limit = workspace.settings.corpus_config().split_shares, workspace.corpus.limit
    entries = choose(read_index(workspace.root).entries, limit, shares)
    held, items = (
        read_table(workspace.corpus_table(name)).to_table(columns=[column])[column].to_pylist()
        for name, column in (("performances", "performance_id"), ("quarantine", "item"))
    )
    left_out = set(items)
    kept = {one.performance_id for one in entries if one.midi_filename not in left_out}
    return find_miscounts(kept, held, [])


def _count_corpus(found: dict[str, Verified], workspace: Workspace) -> None:
    """Compare the performances with the corpus's index, and the segments with the performances."""
    performances, quarantine = found.get("performances"), found.get("quarantine")
    if not performances or not quarantine or performances.damaged or quarantine.damaged:
        return
    try:
        if miscounts := index_miscounts(workspace):
            performances.add(describe_miscounts("performance", miscounts), stale=True)
    except UserError as error:
        performances.notes.append(f"not compared with the corpus's index: {error}")
    segments = found.get("segments")
    if not segments or segments.damaged:
        return
    wanted, config = set[str](), workspace.settings.corpus_config()
    for file in performances.files:
        for group in read_data_file(performances.table, file.path):
            wanted.update(cut_segments(group, config)[0]["segment_id"].to_pylist())
    if miscounts := find_miscounts(wanted, _column(segments, "segment_id"), []):
        segments.add(describe_miscounts("segment", miscounts), stale=True)


def _count_pairs(found: dict[str, Verified], workspace: Workspace, name: str) -> None:
    """Judge whether each draw of the tiers that were made is one row, or in quarantine once."""
    pairs, quarantine = found[f"{name}/pairs"], found.get(f"{name}/pairs_quarantine")
    source = [found.get("segments"), found.get("performances")]
    if quarantine is None or any(one is None or one.damaged for one in source):
        pairs.notes.append("rows not counted: quarantine, segments or performances are damaged")
        return
    try:
        recipe = find_recipe(name)
    except UserError as error:
        pairs.notes.append(f"rows not counted: {error}")
        return
    made = [partition_of(file.path)["tier"] for file in (*pairs.files, *quarantine.files)]
    damaged = {f"{path.rpartition('/')[0]}/" for path in (*pairs.damaged, *quarantine.damaged)}
    tiers = sorted(set(made))
    stale = {tier for tier in tiers if _is_stale(pairs, recipe, tier)}
    pairs.notes += [f"{tier} not counted: the recipe has changed since" for tier in sorted(stale)]
    wrong: dict[str, dict[str, int]] = defaultdict(dict)
    for year in workspace.years():  # the names of one year at a time, to save memory
        draws = expected_draws(recipe, workspace, [year])
        for tier in tiers:
            within = f"tier={tier}/year={year}/"
            if tier in stale or within in damaged:
                continue
            expected = {one.sample_id for one, _ in draws.get(TierYear(year=year, tier=tier), [])}
            rows, left_out = (
                _column(pairs, "sample_id", within),
                _column(quarantine, "item", within),
            )
            wrong[tier] |= find_miscounts(expected, rows, left_out)
    corpus_changed = any(fault.is_stale for one in source if one for fault in one.faults)
    for tier, miscounts in wrong.items():
        if miscounts:
            # Damage takes rows away; only another corpus leaves some that are not expected.
            changed = corpus_changed or 1 in miscounts.values()
            pairs.add(describe_miscounts("draw", miscounts), f"tier={tier}", stale=changed)


def _is_stale(pairs: Verified, recipe: Recipe, tier: str) -> bool:
    """Return whether the rows of a tier were made by other parameters than the recipe has now."""
    for file in pairs.files:
        if partition_of(file.path)["tier"] == tier and file.rows and file.path not in pairs.damaged:
            group = next(read_data_file(pairs.table, file.path, ["recipe_digest"]))
            return bool(group["recipe_digest"][0].as_py() != recipe.tier_digest(tier))
    return False


def _count_derived(found: dict[str, Verified], recipe: str) -> None:
    """Judge whether each derived table has the files that follow from those of the pairs."""
    pairs = found[f"{recipe}/pairs"]
    whole = {file.path: file.rows for file in pairs.files}
    distinct = {
        path: None if path in pairs.damaged else _column(pairs, "duplicate_of", path).count(None)
        for path in whole
    }
    sources: dict[str, Mapping[str, int | None]] = {
        "heuristics": whole,
        "samples": {folder_path(held): sum(whole[p] for p in held) for held in by_folder(whole)},
        "audio_features": distinct,
        "midi_tokens": distinct,
    }
    for name, expected in sources.items():
        if derived := found.get(f"{recipe}/{name}"):
            rows = {file.path: file.rows for file in derived.files}
            tiers = {partition_of(path)["tier"] for path in rows}
            stale: Counter[str] = Counter()
            for path, what in unpaired(expected, rows):
                if path in rows and what != NO_SOURCE:
                    derived.add(what, path)
                elif (tier := partition_of(path)["tier"]) in tiers:
                    stale[tier] += 1
            for tier, count in stale.items():
                what = f"{counted(count, 'file')} missing or no longer needed: pairs have changed"
                derived.add(what, f"tier={tier}", stale=True)


def _column(verified: Verified, column: str, within: str = "") -> list[Any]:
    """Return a column of all rows of a table, or of a folder or file of it."""
    return [
        value
        for file in verified.files
        if file.path.startswith(within)
        for group in read_data_file(verified.table, file.path, [column])
        for value in group[column].to_pylist()
    ]
