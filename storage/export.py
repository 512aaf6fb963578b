"""Exports the shards as plain Parquet files with a dataset card, for tools without Delta tables."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from degradation.errors import UserError
from storage.columns import table_schema
from storage.corpus import SPLITS
from storage.dataset_card import dataset_card
from storage.derive import derived_path
from storage.derived import HEURISTICS_VERSION
from storage.factored_columns import COUNTERFACTUAL_SPLITS
from storage.files import whole_file, write_errors
from storage.tables import (
    ROW_GROUP_ROWS,
    Table,
    data_file_rows,
    find_data_file,
    read_data_file,
    read_table,
    write_data_file,
)

FILE_ROWS = 2048
"""Rows a file, about 400 MB; a multiple of `ROW_GROUP_ROWS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What an export holds: these rows (None: all), in one file a split or in several."""

    sample_ids: frozenset[str] | None = None
    one_file_a_split: bool = False
    title: str = "pianograde"
    provenance: Mapping[str, str] = field(default_factory=dict)


def export_shards(
    pairs: Table,
    heuristics: Table,
    folder: Path,
    version: int | None = None,
    options: ExportOptions = ExportOptions(),
) -> list[Path]:
    """Write `data/SPLIT-00000-of-00007.parquet` files with the shards' and heuristics' columns.

    The names are those that Hugging Face `datasets` takes for splits; below `data` it reads a
    split's name whole, so that counterfactual rows are no rows of `test`. `README.md` is the
    dataset card. The folder appears when all of them are written. Raises UserError when it holds
    anything already, a table is missing, no row is left, or other tables lag behind the pairs.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UserError(
            f"{folder} holds files already; expected an empty folder, so that no two exports "
            "mix: name another or empty it"
        )
    source, paths = read_table(pairs, version), data_file_rows(pairs, version)
    lacking = [path for path in paths if find_data_file(heuristics, _readings_path(path)) is None]
    if lacking:
        raise UserError(
            f"heuristics lacks {len(lacking)} of the {len(paths)} parts of the pairs; expected "
            "one a part: materialise heuristics first"
        )
    with _whole_folder(folder) as unfinished:
        names = _write_files(source, pairs, heuristics, unfinished, options)
    return [folder / name for name in names]


def _write_files(
    source: pads.Dataset, pairs: Table, heuristics: Table, folder: Path, options: ExportOptions
) -> list[str]:
    chosen = pc.scalar(True)
    if options.sample_ids is not None:
        chosen = pc.field("sample_id").isin(pa.array(options.sample_ids, pa.string()))
        rows = source.count_rows(filter=chosen)
        if rows != len(options.sample_ids):
            raise UserError(
                f"pairs has {rows} of the {len(options.sample_ids)} rows that samples has; "
                "expected all: materialise samples first"
            )
        if rows == 0:
            raise UserError("no row was chosen; expected at least one: widen the condition")
    added = [field for field in heuristics.schema if field.name not in pairs.schema.names]
    target = Table(url=str(folder), schema=table_schema(*pairs.schema, *added))
    names: list[str] = []
    for split in (*SPLITS, *COUNTERFACTUAL_SPLITS):
        of_split = chosen & (pc.field("split") == split)
        rows = source.count_rows(filter=of_split)
        file_rows = max(rows, 1) if options.one_file_a_split else FILE_ROWS
        files = -(-rows // file_rows)
        groups = _regroup(_with_readings(source, of_split, heuristics), ROW_GROUP_ROWS)
        for number in range(files):
            name = f"data/{split}-{number:05d}-of-{files:05d}.parquet"
            write_data_file(target, name, islice(groups, -(-file_rows // ROW_GROUP_ROWS)))
            names.append(name)
    with whole_file(str(folder), "README.md") as file:
        card = dataset_card(folder, target.schema, options.title, options.provenance)
        file.write(card.encode())
    return [*names, "README.md"]


def _with_readings(
    source: pads.Dataset, of_split: pc.Expression, heuristics: Table
) -> Iterator[pa.Table]:
    """Yield rows of the shards, file by file, each with its heuristics."""
    for part in sorted(source.get_fragments(), key=lambda part: str(part.path)):
        readings = pa.concat_tables(read_data_file(heuristics, _readings_path(part.path)))
        place = {sample: row for row, sample in enumerate(readings["sample_id"].to_pylist())}
        scanner = part.scanner(schema=source.schema, filter=of_split, batch_size=ROW_GROUP_ROWS)
        for batch in scanner.to_batches():
            if len(batch) == 0:  # none of this split
                continue
            rows = pa.Table.from_batches([batch])
            found = readings.take([place[sample] for sample in rows["sample_id"].to_pylist()])
            for name in readings.schema.names:
                if name not in rows.schema.names:
                    rows = rows.append_column(name, found[name])
            yield rows


def _readings_path(pairs_path: str) -> str:
    return derived_path(pairs_path, HEURISTICS_VERSION)


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """Yield a new folder beside `folder`, which is renamed to it when the block succeeds.

    What a killed export left there is deleted first.
    """
    target = folder.resolve()
    unfinished = target.with_name(f".{target.name}.unfinished")
    with write_errors(str(folder)):
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
    try:
        yield unfinished
        with write_errors(str(folder)):
            unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _regroup(tables: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Yield the same rows in tables of `rows` each; the last one may be shorter."""
    held: pa.Table | None = None
    for table in tables:
        held = table if held is None else pa.concat_tables([held, table])
        while len(held) >= rows:
            yield held.slice(0, rows)
            held = held.slice(rows)
    if held is not None and len(held):
        yield held
