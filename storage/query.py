"""SQL over a corpus's tables, through DuckDB."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import pandas as pd

from degradation.errors import UserError
from storage.tables import Table, read_table, table_exists


def connect(
    corpus_tables: dict[str, Table], recipe_tables: dict[str, dict[str, Table]], recipe: str
) -> duckdb.DuckDBPyConnection:
    """Return a connection with a view a table; `RECIPE.table` for each recipe.

    Tables of `recipe` need no prefix. Only tables that were materialised have a view. Raises
    UserError for a recipe that is not among `recipe_tables`.
    """
    if recipe not in recipe_tables:
        raise UserError(
            f"no recipe is called {recipe!r}; expected one of {', '.join(sorted(recipe_tables))}"
        )
    connection = duckdb.connect()
    for name, table in corpus_tables.items():
        _add_view(connection, "main", name, table)
    for schema, tables in recipe_tables.items():
        connection.execute(f'create schema "{schema}"')
        for name, table in tables.items():
            _add_view(connection, schema, name, table)
    connection.execute(f"set search_path = '\"{recipe}\",main'")
    return connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The rows of a statement, computed when they are shown; a fault in them is a UserError."""

    connection: duckdb.DuckDBPyConnection
    relation: duckdb.DuckDBPyRelation

    def __str__(self) -> str:
        """A drawn table: its first and last rows, and how many there are."""
        with _told_in_one_line(self.connection):
            return str(self.relation)

    def to_df(self) -> pd.DataFrame:
        """Return every row."""
        with _told_in_one_line(self.connection):
            found: pd.DataFrame = self.relation.df()
            return found


def run_query(connection: duckdb.DuckDBPyConnection, sql: str) -> Answer:
    """Return the answer to one SQL statement. Raises UserError in one line for a bad one."""
    with _told_in_one_line(connection):
        statements = connection.extract_statements(sql)
        kinds = [statement.expected_result_type for statement in statements]
        if kinds != [[duckdb.ExpectedResultType.QUERY_RESULT]]:
            raise UserError(
                "the statement gives no rows; expected a SELECT, and one: the tables are read-only"
            )
        return Answer(connection=connection, relation=connection.sql(sql))


@contextmanager
def _told_in_one_line(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        tables = connection.execute(
            "select schema_name || '.' || view_name from duckdb_views() "
            "where not internal and not temporary order by 1"
        ).fetchall()  # all of it: an unfinished result would block the next statement
        there = ", ".join(name for (name,) in tables) or "none: run `pianograde demo` first"
        message = " ".join(str(error).split())
        raise UserError(f"{message} (tables there are: {there})") from error


def _add_view(connection: duckdb.DuckDBPyConnection, schema: str, name: str, table: Table) -> None:
    if table_exists(table):
        registered = f"{schema}_{name}_dataset"
        connection.register(registered, read_table(table))
        connection.execute(f'create view "{schema}"."{name}" as select * from "{registered}"')
