"""The shards as plain Parquet files, for tools and people that know nothing of Delta tables."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from degradation.errors import UserError
from storage.corpus import SPLITS
from storage.schema import table_schema
from storage.tables import ROW_GROUP_ROWS, Table, read_table, write_part

FILE_ROWS = 2048
"""Rows a file, about 400 MB; a multiple of `ROW_GROUP_ROWS`."""


def export_shards(
    pairs: Table, heuristics: Table, folder: Path, version: int | None = None
) -> list[Path]:
    """Write `SPLIT-00000-of-00007.parquet` files with the shards' and heuristics' columns.

    The names are those that Hugging Face `datasets` takes for splits. Raises UserError when the
    folder holds Parquet files already, or a table is missing.
    """
    if any(folder.glob("*.parquet")):
        raise UserError(
            f"{folder} holds Parquet files already; expected an empty folder, so that no two "
            "exports mix: name another or empty it"
        )
    source = read_table(pairs, version)
    readings = read_table(heuristics).to_table()
    added = [field for field in heuristics.schema if field.name not in pairs.schema.names]
    target = Table(url=str(folder), schema=table_schema(*pairs.schema, *added))
    paths = []
    for split in SPLITS:
        of_split = pc.field("split") == split
        rows = source.count_rows(filter=of_split)
        files = -(-rows // FILE_ROWS)
        batches = source.scanner(filter=of_split, batch_size=32).to_batches()
        groups = _regroup(_with_readings(batches, readings), ROW_GROUP_ROWS)
        for number in range(files):
            name = f"{split}-{number:05d}-of-{files:05d}.parquet"
            write_part(target, name, islice(groups, FILE_ROWS // ROW_GROUP_ROWS))
            paths.append(folder / name)
    return paths


def _with_readings(batches: Iterator[pa.RecordBatch], readings: pa.Table) -> Iterator[pa.Table]:
    """Yield rows of the shards, each with its heuristics."""
    place = {name: row for row, name in enumerate(readings["sample_id"].to_pylist())}
    for batch in batches:
        if len(batch) == 0:  # a part without rows of this split
            continue
        rows = pa.Table.from_batches([batch])
        found = readings.take([place[name] for name in rows["sample_id"].to_pylist()])
        for field in readings.schema:
            if field.name not in rows.schema.names:
                rows = rows.append_column(field.name, found[field.name])
        yield rows


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
