"""Verifies the tables of a corpus: files, counts against expectation, and rows made again.

`pianograde verify` and the job `verification` print and raise what this module finds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from degradation.errors import UserError
from degradation.recipe import Recipe
from pipelines.assets.pairs import expected_draws
from pipelines.checks.counts import find_miscounts
from pipelines.execution.engine import Engine, run_tasks
from pipelines.partitions import TierYear, partition_key
from pipelines.settings import find_recipe
from pipelines.workspace import PARTITIONED_BY, Workspace
from storage.corpus import choose, read_index
from storage.derived import folder_path
from storage.integrity import FileReport, FileTask, check_file, sample_rows, unpaired
from storage.schema import TABLES
from storage.segments import cut_segments
from storage.tables import (
    DataFile,
    Table,
    data_files,
    partition_of,
    read_data_file,
    read_table,
    table_exists,
)

ASSETS = {name: name for name in TABLES} | {
    "performances": "corpus",
    "quarantine": "corpus",
    "twins": "corpus",
    "pairs_quarantine": "pairs",
}
"""The asset that makes each table."""

SHOWN_NAMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong in a table or one of its files, and the way out."""

    where: str
    what: str
    way_out: str

    def __str__(self) -> str:
        """Return one line."""
        return f"{self.where}: {self.what}: {self.way_out}"


@dataclass(slots=True, kw_only=True)
class Verified:
    """What was looked at in one table, and what is wrong; notes are no faults."""

    name: str
    table: Table
    asset: str
    corpus: str
    files: list[DataFile] = field(default_factory=list)
    replayed: int = 0
    unsealed: int = 0
    is_readable: bool = True
    damaged: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """The rows of all files, as the table's log says."""
        return sum(file.rows for file in self.files)

    def add(self, what: str, path: str = "", *, delete: bool = False) -> None:
        """Add a fault of a file, or of a folder (`tier=poor/year=2021`), or of the table."""
        tier = partition_of(path).get("tier")
        partition = partition_key(self.corpus, tier) if tier else self.corpus
        again = f"materialise {self.asset} of {partition} again"
        where = f"{self.table.url}/{path}".rstrip("/")
        way_out = f"delete it and {again}" if delete else again
        self.faults.append(Fault(where=where, what=what, way_out=way_out))


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
                    corpus=workspace.corpus.name,
                )
    _check_files(found, workspace, rows, seed)
    readable = {name: one for name, one in found.items() if one.is_readable}
    _count_corpus(readable, workspace)
    for recipe in recipes:
        if f"{recipe}/pairs" in readable:
            _count_pairs(readable, workspace, recipe)
            _count_derived(readable, recipe)
    return list(found.values())


def summary(found: Sequence[Verified]) -> list[dict[str, str]]:
    """Return one row a table, for people."""
    return [
        {
            "table": one.name,
            "files": f"{len(one.files):,}",
            "rows": f"{one.rows:,}",
            "replayed": f"{one.replayed:,}" if one.name.endswith("/pairs") else "",
            "result": "; ".join(_results(one)),
        }
        for one in found
    ]


def _results(one: Verified) -> Iterator[str]:
    count = len(one.faults)
    yield f"{count} fault{'s' if count > 1 else ''}" if count else "good"
    if one.unsealed:
        yield f"without checksum, because older: {one.unsealed} files"
    yield from one.notes


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
            performances.add(_listed("performances", miscounts))
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
        segments.add(_listed("segments", miscounts))


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
            if miscounts := find_miscounts(expected, rows, left_out):
                pairs.add(_listed("draws", miscounts), within)


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
    whole = {file.path: file.rows for file in pairs.files if file.path not in pairs.damaged}
    distinct = {path: _column(pairs, "duplicate_of", path).count(None) for path in whole}
    sources = {
        "heuristics": whole,
        "samples": _by_folder(pairs.files),
        "audio_features": distinct,
        "midi_tokens": distinct,
    }
    for name, expected in sources.items():
        if derived := found.get(f"{recipe}/{name}"):
            rows = {file.path: file.rows for file in derived.files}
            tiers = {partition_of(path)["tier"] for path in rows}
            for path, what in unpaired(expected, rows):
                if partition_of(path)["tier"] in tiers:
                    derived.add(what, path)


def _by_folder(files: Sequence[DataFile]) -> dict[str, int]:
    """Return the rows of each folder of the pairs, by the path that stands for its files."""
    folders = groupby(files, key=lambda file: partition_of(file.path))
    held = [list(together) for _, together in folders]
    return {folder_path([f.path for f in one]): sum(f.rows for f in one) for one in held}


def _column(verified: Verified, column: str, within: str = "") -> list[Any]:
    """Return a column of all rows of a table, or of a folder or file of it."""
    return [
        value
        for file in verified.files
        if file.path.startswith(within)
        for group in read_data_file(verified.table, file.path, [column])
        for value in group[column].to_pylist()
    ]


def _listed(what: str, miscounts: dict[str, int]) -> str:
    """Return which items are missing, twice, or not expected, the first few by name."""
    few = [f"{name} {times} times" for name, times in list(miscounts.items())[:SHOWN_NAMES]]
    more = f" and {len(miscounts) - SHOWN_NAMES} more" if len(miscounts) > SHOWN_NAMES else ""
    return f"{what} are there a wrong number of times; expected once: {', '.join(few)}{more}"
