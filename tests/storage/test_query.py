from pathlib import Path

import duckdb
import pytest

from degradation.errors import UserError
from storage.query import connect, run_query
from storage.tables import Table


@pytest.fixture
def connection(
    shards: Table, corpus_tables: dict[str, Table], tmp_path: Path
) -> duckdb.DuckDBPyConnection:
    absent = Table(url=str(tmp_path / "absent"), schema=shards.schema)
    recipes = {"phase2": {"pairs": shards, "samples": absent}, "later": {"pairs": absent}}
    return connect(corpus_tables, recipes, "phase2")


def test_tables_are_queried_with_and_without_the_recipes_name(
    connection: duckdb.DuckDBPyConnection, shards: Table
) -> None:
    for name in ("pairs", "phase2.pairs"):
        counts = run_query(connection, f"select tier, count(*) n from {name} group by 1").to_df()
        assert dict(zip(counts["tier"], counts["n"], strict=True)) == {
            "pristine": 4, "good": 4, "moderate": 4, "poor": 40,
        }  # fmt: skip
    joined = "select count(*) n from pairs join segments using (segment_id)"
    assert run_query(connection, joined).to_df()["n"].item() == 52


def test_notes_unnest(connection: duckdb.DuckDBPyConnection) -> None:
    sql = (
        "select count(*) = (select sum(len(notes)) from performances) as same "
        "from (select unnest(notes) from performances)"
    )
    assert run_query(connection, sql).to_df()["same"].item()


def test_a_bad_statement_names_the_tables_there_are(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    for sql in ("select * from samples", "selec 1", "select cast(tier as int) from pairs"):
        with pytest.raises(UserError) as told:
            str(run_query(connection, sql))
        assert str(told.value).endswith(
            "(tables there are: main.performances, main.quarantine, main.segments, phase2.pairs)"
        )
        assert "\n" not in str(told.value)
    assert "1" in str(run_query(connection, "select 1 as one"))


def test_a_fault_in_the_rows_is_told_when_they_are_read(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    answer = run_query(connection, "select cast(tier as int) from pairs")
    with pytest.raises(UserError, match=r"Could not convert string"):
        answer.to_df()


def test_what_gives_no_rows_and_what_is_not_there_are_told(shards: Table, tmp_path: Path) -> None:
    absent = Table(url=str(tmp_path / "absent"), schema=shards.schema)
    empty = connect({}, {"phase2": {"pairs": absent}}, "phase2")
    with pytest.raises(UserError, match=r"tables there are: none: run `pianograde demo` first"):
        run_query(empty, "select * from pairs")
    with pytest.raises(UserError, match=r"gives no rows; expected a SELECT"):
        run_query(empty, "")
    with pytest.raises(UserError, match=r"no recipe is called 'nope'; expected one of phase2"):
        connect({}, {"phase2": {}}, "nope")
