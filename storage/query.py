"""Read-only SQL over a corpus's tables, through DuckDB."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import IO, Any

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from duckdb.sqltypes import DuckDBPyType

from degradation.errors import UserError
from storage.tables import Table, read_table, table_exists

BATCH_ROWS = 256
"""Rows held in memory at a time: about 50 MB where they hold sound."""


def connect(
    corpus_tables: dict[str, Table],
    recipe_tables: dict[str, dict[str, Table]],
    recipe: str,
    sql: str,
) -> duckdb.DuckDBPyConnection:
    """Return a connection for a statement: one view per table, `RECIPE.table` for a recipe's.

    Tables that the statement cannot read are not opened: with thousands of files that takes half a
    second each. Tables of `recipe` need no prefix. Only materialised tables have a view.
    Statements cannot write, and cannot access other files, the network or Python variables. Raises
    UserError for a recipe that is not among `recipe_tables`.
    """
    if recipe not in recipe_tables:
        raise UserError(
            f"no recipe is called {recipe!r}; expected one of {', '.join(sorted(recipe_tables))}"
        )
    connection = duckdb.connect(
        config={"enable_external_access": False, "python_enable_replacements": False}
    )
    for name, table in corpus_tables.items():
        _add_view(connection, "main", name, table, sql)
    for schema, tables in recipe_tables.items():
        connection.execute(f'create schema "{schema}"')
        for name, table in tables.items():
            _add_view(connection, schema, name, table, sql)
    connection.execute(f"set search_path = '\"{recipe}\",main'")
    connection.execute("set lock_configuration = true")
    connection.execute("begin transaction read only")
    return connection


def write_answer(
    connection: duckdb.DuckDBPyConnection, sql: str, form: str, file: IO[bytes]
) -> None:
    """Write the rows of one SELECT to a file, `BATCH_ROWS` at a time.

    `form` is `table` (drawn, the first and last rows), `csv`, `json` (an object a line) or
    `parquet`. Blobs are base64 in CSV and JSON, lists and structs are JSON in the cells of CSV,
    and NaN is null in JSON. Ctrl-C ends the statement, which DuckDB alone would not do. Raises
    UserError, in one line, for a bad query.
    """
    if form not in _WRITERS:
        raise UserError(f"no format is called {form!r}; expected one of {', '.join(_WRITERS)}")
    with _user_errors(connection), ThreadPoolExecutor(max_workers=1) as pool:
        writing = pool.submit(lambda: _WRITERS[form](_parse(connection, sql), file))
        try:
            writing.result()
        except KeyboardInterrupt:
            while not writing.done():
                connection.interrupt()
                wait([writing], timeout=0.1)
            raise


def _parse(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.DuckDBPyRelation:
    kinds = [statement.type for statement in connection.extract_statements(sql)]
    if kinds not in ([duckdb.StatementType.SELECT], [duckdb.StatementType.EXPLAIN]):
        got = ", ".join(kind.name for kind in kinds) or "nothing"
        raise UserError(
            "the tables are read-only: expected one SELECT (or DESCRIBE, SHOW, SUMMARIZE, "
            f"EXPLAIN), got {got}"
        )
    return connection.sql(sql)


def _write_table(relation: duckdb.DuckDBPyRelation, file: IO[bytes]) -> None:
    file.write(f"{relation}\n".encode())


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


_WRITERS: dict[str, Callable[[duckdb.DuckDBPyRelation, IO[bytes]], None]] = {
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


def _json_value(value: str, kind: Any) -> str:
    """Return the SQL of a value as valid JSON: `to_json` alone writes raw bytes and NaN."""
    if kind.id == "blob":
        return f"base64({value})"
    if kind.id in ("float", "double"):
        return f"case when isfinite({value}) then {value} end"
    if kind.id in ("list", "array"):
        return f"list_transform({value}, lambda x: {_json_value('x', kind.children[0][1])})"
    if kind.id == "struct":
        members = [
            f"{_quoted(name)} := {_json_value(f'struct_extract({value}, {_text(name)})', child)}"
            for name, child in kind.children
        ]
        return f"case when {value} is not null then struct_pack({', '.join(members)}) end"
    return value


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"


@contextmanager
def _user_errors(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    try:
        yield
    except duckdb.PermissionException as error:
        raise UserError(
            f"{_one_line(error)}: a query reads the tables and nothing else; for files, use "
            "DuckDB itself"
        ) from error
    except (duckdb.Error, pa.ArrowException) as error:
        # Another cursor: the connection's own transaction has failed, or has rows left to give.
        tables = connection.cursor().execute(
            "select schema_name || '.' || view_name from duckdb_views() "
            "where not internal and not temporary order by 1"
        )
        there = ", ".join(name for (name,) in tables.fetchall())
        raise UserError(
            f"{_one_line(error)} (tables there are: {there or 'none: run `pianograde demo` first'})"
        ) from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _add_view(
    connection: duckdb.DuckDBPyConnection, schema: str, name: str, table: Table, sql: str
) -> None:
    if table_exists(table):
        registered = f"{schema}_{name}_dataset"
        # A statement names what it reads, but for these functions, which may compute a name.
        may_read = re.search(rf"\b{name}\b|\bquery(_table)?\b", sql, re.IGNORECASE)
        rows = read_table(table) if may_read else table.schema.empty_table()
        connection.register(registered, rows)
        connection.execute(f'create view "{schema}"."{name}" as select * from "{registered}"')
