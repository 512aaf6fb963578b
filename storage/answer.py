"""Writes the answer to a query: drawn for a terminal, as CSV, as JSON or as Parquet."""

import shutil
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from typing import IO, Any

import duckdb
import pyarrow.csv
import pyarrow.parquet as pq
from duckdb.sqltypes import DuckDBPyType

from degradation.counted import counted

BATCH_ROWS = 256
"""Rows held in memory at a time: about 50 MB where they hold sound."""

NARROWEST = 120
"""A narrower terminal breaks the lines of a box: nothing is cut that fits here."""

BOX_ROWS = 200
"""Rows of a drawn box, half of them from the end of the answer."""

RECORDS = 20
"""Rows drawn where each column has a line."""

CELL_CHARACTERS = 1000
BLOB_SIZE = "format('{{:,}} bytes', octet_length({}))"


def _write_table(relation: duckdb.DuckDBPyRelation, file: IO[bytes]) -> None:
    """Draw a box as wide as the terminal, or a line a column where a column would be hidden."""
    width = max(shutil.get_terminal_size().columns, NARROWEST)
    drawn = ""
    if sum(len(name) + 3 for name in relation.columns) < width:
        with redirect_stdout(StringIO()) as box:
            relation.show(max_width=width, max_rows=BOX_ROWS)
        drawn = box.getvalue()
    hidden = not drawn or "…" in drawn.splitlines()[1]
    file.write((_records(relation, width) if hidden else drawn + _left_out(drawn)).encode())


def _left_out(box: str) -> str:
    """Return what to do about rows and cells of a drawn box that were cut; nothing if none were."""
    rows, cells = " shown)" in box.rpartition("┘")[2], "… │" in box
    if not rows and not cells:
        return ""
    cut = " and ".join(["the rows between"] * rows + ["the ends of long cells"] * cells)
    return f"{cut} are not shown; --format csv, json or parquet gives all, `where` chooses\n"


def _records(relation: duckdb.DuckDBPyRelation, width: int) -> str:
    columns = _columns(relation)
    cells = ", ".join(
        f"({_json_value(name, kind, BLOB_SIZE)})::varchar as {name}" for name, kind in columns
    )
    found = relation.project("*").project(cells).limit(RECORDS + 1)
    longest = max(map(len, found.columns))
    rows, lines = found.fetchall(), []
    for number, row in enumerate(rows[:RECORDS], 1):
        lines.append(f"─ row {number} ".ljust(width, "─"))
        for name, value in zip(found.columns, row, strict=True):
            lines.append(f"{name.ljust(longest)}  {_shortened(value)}")
    if not rows:
        lines.append(f"0 rows of {counted(len(columns), 'column')}: {', '.join(found.columns)}")
    if len(rows) > RECORDS:
        lines.append(f"the first {RECORDS} rows; --format csv, json or parquet gives all")
    return "\n".join([*lines, ""])


def _shortened(value: str | None) -> str:
    if value is None:
        return "NULL"
    size = len(value)
    cut = size > CELL_CHARACTERS
    return f"{value[:CELL_CHARACTERS]}… ({size} characters)" if cut else value


def _write_csv(relation: duckdb.DuckDBPyRelation, file: IO[bytes]) -> None:
    cells = [f"{_csv_cell(name, kind)} as {name}" for name, kind in _columns(relation)]
    rows = relation.project("*").project(", ".join(cells)).to_arrow_reader(BATCH_ROWS)
    with pyarrow.csv.CSVWriter(file, rows.schema) as writer:
        for batch in rows:
            writer.write_batch(batch)


def _write_json(relation: duckdb.DuckDBPyRelation, file: IO[bytes]) -> None:
    members = [f"{name} := {_json_value(name, kind)}" for name, kind in _columns(relation)]
    row = f"to_json(struct_pack({', '.join(members)}))::varchar as row"
    for batch in relation.project("*").project(row).to_arrow_reader(BATCH_ROWS):
        file.write("".join(f"{line}\n" for line in batch["row"].to_pylist()).encode())


def _write_parquet(relation: duckdb.DuckDBPyRelation, file: IO[bytes]) -> None:
    rows = relation.project("*").to_arrow_reader(BATCH_ROWS)
    with pq.ParquetWriter(file, rows.schema, compression="zstd") as writer:
        for batch in rows:
            writer.write_batch(batch)


WRITERS: dict[str, Callable[[duckdb.DuckDBPyRelation, IO[bytes]], None]] = {
    "table": _write_table,
    "csv": _write_csv,
    "json": _write_json,
    "parquet": _write_parquet,
}


def _columns(relation: duckdb.DuckDBPyRelation) -> list[tuple[str, DuckDBPyType]]:
    """Return quoted names and types; `project("*")` numbers the names that are there twice."""
    names = relation.project("*").columns
    return list(zip(map(_quoted, names), relation.types, strict=True))


def _csv_cell(value: str, kind: DuckDBPyType) -> str:
    """Return the SQL that converts a column to a type that Arrow's CSV writer supports."""
    if kind.id in ("list", "array", "struct", "tuple", "map", "union"):
        return f"to_json({_json_value(value, kind)})::varchar"
    if kind.id in ("bignum", "bit", "geometry", "interval"):
        return f"{value}::varchar"
    return f"base64({value})" if kind.id == "blob" else value


def _json_value(value: str, kind: Any, blob: str = "base64({})") -> str:
    """Return the SQL of a value as valid JSON: `to_json` alone writes raw bytes and NaN."""
    if kind.id == "blob":
        return blob.format(value)
    if kind.id in ("float", "double"):
        return f"case when isfinite({value}) then {value} end"
    if kind.id in ("list", "array"):
        return f"list_transform({value}, lambda x: {_json_value('x', kind.children[0][1], blob)})"
    if kind.id == "struct":
        members = [
            f"{_quoted(name)} := {_json_value(field, child, blob)}"
            for name, child in kind.children
            for field in [f"struct_extract({value}, {_text(name)})"]
        ]
        return f"case when {value} is not null then struct_pack({', '.join(members)}) end"
    return value


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
