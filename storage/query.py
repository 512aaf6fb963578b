"""Read-only SQL over a corpus's tables, through DuckDB."""

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import IO

import duckdb
import pyarrow as pa

from degradation.errors import UserError
from storage.answer import WRITERS
from storage.tables import Table, open_table, read_table, table_exists
from storage.views import VIEWS, dictionary

DICTIONARY = "dictionary"
"""A view of what each column means."""


def connect(
    corpus_tables: dict[str, Table],
    recipe_tables: dict[str, dict[str, Table]],
    recipe: str,
    sql: str,
    versions: Mapping[str, int] | None = None,
) -> duckdb.DuckDBPyConnection:
    """Return a connection for a statement: one view per table, `RECIPE.table` for a recipe's.

    `versions` are older ones to read, by the names of tables of the corpus and of `recipe`.

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
    connection.from_arrow(dictionary()).create_view(DICTIONARY)
    for schema, tables in ({"main": corpus_tables} | recipe_tables).items():
        connection.execute(f'create schema if not exists "{schema}"')
        connection.execute(f"set schema = '\"{schema}\"'")
        default = schema in ("main", recipe)
        for name, table in tables.items():
            version = (versions or {}).get(name) if default else None
            _add_view(connection, schema, name, table, sql, version, default=default)
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
    if form not in WRITERS:
        raise UserError(f"no format is called {form!r}; expected one of {', '.join(WRITERS)}")
    with _user_errors(connection), ThreadPoolExecutor(max_workers=1) as pool:
        writing = pool.submit(lambda: WRITERS[form](_parse(connection, sql), file))
        try:
            writing.result()
        except KeyboardInterrupt:
            while not writing.done():
                connection.interrupt()
                wait([writing], timeout=0.1)
            raise


def find_sample_ids(connection: duckdb.DuckDBPyConnection, condition: str) -> frozenset[str]:
    """Return the samples of which a condition holds. Raises UserError for a bad one."""
    with _user_errors(connection):
        found = _parse(connection, f"select sample_id from samples where {condition}")
        return frozenset(sample_id for (sample_id,) in found.fetchall())


def _parse(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.DuckDBPyRelation:
    kinds = [statement.type for statement in connection.extract_statements(sql)]
    if kinds not in ([duckdb.StatementType.SELECT], [duckdb.StatementType.EXPLAIN]):
        got = ", ".join(kind.name for kind in kinds) or "nothing"
        raise UserError(
            "the tables are read-only: expected one SELECT (or DESCRIBE, SHOW, SUMMARIZE, "
            f"EXPLAIN), got {got}"
        )
    return connection.sql(sql)


@contextmanager
def _user_errors(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    try:
        yield
    except duckdb.PermissionException as error:
        raise UserError(
            f"{_one_line(error)}: a query reads the tables and nothing else; for files, use "
            "DuckDB itself"
        ) from error
    except duckdb.CatalogException as error:
        # Another cursor: the connection's own transaction has failed, or has rows left to give.
        tables = connection.cursor().execute(
            "select schema_name || '.' || view_name from duckdb_views() "
            "where not internal and view_name <> ? order by 1",
            [DICTIONARY],
        )
        there = ", ".join(name for (name,) in tables.fetchall())
        raise UserError(
            f"{_one_line(error)} (tables there are: {there or 'none: run `pianograde demo` first'})"
        ) from error
    except (duckdb.Error, pa.ArrowException) as error:
        raise UserError(_one_line(error)) from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _add_view(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    name: str,
    table: Table,
    sql: str,
    version: int | None,
    *,
    default: bool,
) -> None:
    """Add the view of a table to the connection's schema, and on samples those of `VIEWS`."""
    views = VIEWS if name == "samples" else {}
    names = f"({'|'.join([name, *views])})"
    if table_exists(table):
        # A statement names what it reads, but for these functions, which may compute a name.
        may_read = re.search(rf"\b{names}\b|\bquery(_table)?\b", sql, re.IGNORECASE)
        rows = read_table(table, version) if may_read else table.schema.empty_table()
        connection.from_arrow(rows).create_view(name)
        for view, about in views.items():
            body = about.sql.format(samples=f'"{schema}".{name}')
            with suppress(duckdb.BinderException):  # samples of an older version lack columns
                connection.execute(f"create view {view} as {body}")
    elif re.search(
        rf'\b(from|join|describe|summarize)\s+("?{schema}"?\.){"?" if default else ""}"?{names}\b',
        sql,
        re.IGNORECASE,
    ):
        open_table(table)  # raises UserError, which names the way out
