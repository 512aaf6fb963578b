"""SQL over a corpus's tables, through DuckDB."""

import duckdb

from degradation.errors import UserError
from storage.tables import Table, read_table, table_exists


def connect(
    corpus_tables: dict[str, Table], recipe_tables: dict[str, dict[str, Table]], recipe: str
) -> duckdb.DuckDBPyConnection:
    """Return a connection with a view a table; `RECIPE.table` for each recipe.

    Tables of `recipe` need no prefix. Only tables that were materialised have a view.
    """
    connection = duckdb.connect()
    for name, table in corpus_tables.items():
        _add_view(connection, "main", name, table)
    for schema, tables in recipe_tables.items():
        connection.execute(f'create schema "{schema}"')
        for name, table in tables.items():
            _add_view(connection, schema, name, table)
    connection.execute(f"set search_path = '{recipe},main'")
    return connection


def run_query(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.DuckDBPyRelation:
    """Return the result of one SQL statement. Raises UserError in one line for a bad one."""
    try:
        relation = connection.sql(sql)
    except duckdb.Error as error:
        tables = connection.execute(
            "select string_agg(schema_name || '.' || view_name, ', ' order by 1) "
            "from duckdb_views() where not internal"
        ).fetchone()
        there = tables[0] if tables and tables[0] else "none: run `pianograde demo` first"
        message = " ".join(str(error).split())
        raise UserError(f"{message} (tables there are: {there})") from error
    if relation is None:
        raise UserError("the statement gives no rows; expected a SELECT: the tables are read-only")
    return relation


def _add_view(connection: duckdb.DuckDBPyConnection, schema: str, name: str, table: Table) -> None:
    if table_exists(table):
        registered = f"{schema}_{name}_dataset"
        connection.register(registered, read_table(table))
        connection.execute(f'create view "{schema}"."{name}" as select * from "{registered}"')
