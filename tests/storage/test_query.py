import base64
import csv
import io
import json
import math
import os
import re
import shutil
import signal
import threading
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from degradation.errors import UserError
from storage.answer import BATCH_ROWS
from storage.data_dictionary import data_dictionary
from storage.midi import read_midi
from storage.query import connect, write_answer
from storage.tables import Table, read_table

LONG = "select count(*) from range(2000000) a, range(2000000) b where a.range + b.range = 7"

EVERY_TABLE = "pairs performances quarantine segments samples"


@pytest.fixture
def connection(
    shards: Table, corpus_tables: dict[str, Table], tmp_path: Path
) -> duckdb.DuckDBPyConnection:
    absent = Table(url=str(tmp_path / "absent"), schema=shards.schema)
    recipes = {"phase2": {"pairs": shards, "samples": absent}, "later": {"pairs": absent}}
    return connect(corpus_tables, recipes, "phase2", EVERY_TABLE)


def answer(connection: duckdb.DuckDBPyConnection, sql: str, form: str = "table") -> bytes:
    file = io.BytesIO()
    write_answer(connection, sql, form, file)
    return file.getvalue()


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    lines = answer(connection, sql, "json").splitlines()
    return [json.loads(line, parse_constant=pytest.fail) for line in lines]


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("select range as n from range(301)", "the rows between are not shown; --format csv"),
        (
            "select repeat('ab ', 99) as text from range(150)",
            "the ends of long cells are not shown; --format csv",
        ),
        ("select '(2 shown)' as text from range(200)", None),
    ],
)
def test_a_box_says_what_it_does_not_show(
    connection: duckdb.DuckDBPyConnection, sql: str, told: str | None
) -> None:
    drawn = answer(connection, sql).decode()
    assert ("not shown" in drawn) == (told is not None)
    assert told is None or told in drawn.splitlines()[-1]


def test_tables_are_queried_with_and_without_the_recipes_name(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    for name in ("pairs", "phase2.pairs"):
        counts = rows_of(connection, f"select tier, count(*) n from {name} group by 1")
        assert {row["tier"]: row["n"] for row in counts} == {
            "pristine": 4, "good": 4, "moderate": 4, "poor": 40,
        }  # fmt: skip
    joined = "select count(*) n from pairs join segments using (segment_id)"
    assert rows_of(connection, joined) == [{"n": 52}]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("select count(*) n from pairs", 52),
        ('select count(*) n from PHASE2."Pairs"', 52),
        ("select count(*) n from query_table('pa' || 'irs')", 52),
        ("from query('select count(*) n from pa' || 'irs')", 52),
    ],
)
def test_a_table_that_a_statement_reads_is_opened(
    shards: Table, corpus_tables: dict[str, Table], sql: str, rows: int
) -> None:
    opened = connect(corpus_tables, {"phase2": {"pairs": shards}}, "phase2", sql)
    assert rows_of(opened, sql) == [{"n": rows}]


def test_a_table_that_a_statement_does_not_read_is_not_opened(
    shards: Table, tmp_path: Path
) -> None:
    shutil.copytree(shards.url, tmp_path / "pairs")
    for entry in (tmp_path / "pairs" / "_delta_log").glob("*.json"):
        entry.write_text("damaged")
    damaged = {"phase2": {"pairs": replace(shards, url=str(tmp_path / "pairs"))}}
    opened = connect({}, damaged, "phase2", "show tables")
    assert {"name": "pairs"} in rows_of(opened, "show tables")
    with pytest.raises(UserError, match="could not open"):
        connect({}, damaged, "phase2", "from pairs")


@pytest.mark.parametrize(
    "sql",
    ["from factored.pairs", 'SELECT * FROM "factored".severities', "describe factored.families"],
)
def test_a_table_of_another_recipe_that_is_not_there_is_told_with_the_way_out(
    shards: Table, tmp_path: Path, sql: str
) -> None:
    """`phase2` has both tables, which are not meant."""
    absent = replace(shards, url=str(tmp_path / "absent"), way_out="run `make factored`")
    recipes = {
        "phase2": {"pairs": shards, "samples": shards},
        "factored": {"pairs": absent, "samples": absent},
    }
    with pytest.raises(UserError, match=r"^table 'absent' is not there .* run `make factored`$"):
        connect({}, recipes, "phase2", sql)
    connect({}, recipes, "phase2", "from pairs")
    with pytest.raises(UserError, match="make factored"):
        connect({}, recipes, "factored", "select * from pairs")


def test_show_tables_lists_what_can_be_queried_and_nothing_else(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    names = {row["name"] for row in rows_of(connection, "show tables")}
    assert names == {"pairs", "performances", "quarantine", "segments", "dictionary"}
    for name in names:
        assert answer(connection, f"from {name} limit 1")


def test_a_row_that_is_too_wide_has_a_line_a_column(
    connection: duckdb.DuckDBPyConnection, shards: Table
) -> None:
    drawn = answer(connection, "from pairs limit 2").decode()
    lines = [line.split("  ", 1) for line in drawn.splitlines()]
    assert [name for name, *_ in lines if not name.startswith("─")] == 2 * shards.schema.names
    values = {name: value.strip() for name, *rest in lines for value in rest}
    row = read_table(shards).to_table().slice(1, 1).to_pylist()[0]
    assert values["sample_id"] == row["sample_id"]
    assert f"{len(row['audio']['bytes']):,} bytes" in values["audio"]
    assert f"{row['audio']['path']}" in values["audio"]
    narrow = answer(connection, "select sample_id, tier from pairs").decode()
    assert narrow.count("-phase2-") == 52
    assert "┌" in narrow


def test_long_answers_with_wide_rows_are_cut_and_say_so(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    drawn = answer(connection, "select *, repeat('x', 3000) as long from pairs").decode()
    assert drawn.count("─ row ") == 20
    assert drawn.count(f"{'x' * 1000}… (3000 characters)\n") == 20
    assert drawn.endswith("the first 20 rows; --format csv, json or parquet gives all\n")
    none = answer(connection, "from pairs where tier = 'none'").decode()
    assert none.startswith("0 rows of 69 columns: sample_id, segment_id, ")


def test_describe_shows_every_column(
    connection: duckdb.DuckDBPyConnection, shards: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    drawn = answer(connection, "describe pairs").decode()
    assert re.findall(r"^│ (\w+) ", drawn, re.MULTILINE) == shards.schema.names


def test_the_dictionary_has_every_column_and_the_table_itself(
    connection: duckdb.DuckDBPyConnection, shards: Table
) -> None:
    found = rows_of(connection, "from dictionary where table_name = 'pairs'")
    assert {row["column_name"]: row["meaning"] for row in found} == {
        None: "The shards: the same rows with audio, MIDI and provenance.",
        **{field.name: field.metadata[b"description"].decode() for field in shards.schema},
    }


def test_notes_unnest(connection: duckdb.DuckDBPyConnection) -> None:
    sql = (
        "select count(*) = (select sum(len(notes)) from performances) as same "
        "from (select unnest(notes) from performances)"
    )
    assert rows_of(connection, sql) == [{"same": True}]


@pytest.mark.parametrize("form", ["table", "csv", "json", "parquet"])
def test_a_bad_statement_is_told_in_a_line_with_what_there_is(
    connection: duckdb.DuckDBPyConnection, form: str
) -> None:
    for sql, told_at_the_end in (
        (
            "select * from samples",
            "(tables there are: main.performances, main.quarantine, main.segments, phase2.pairs)",
        ),
        ("select tiers from pairs", r'Candidate bindings: "tier",'),
        ("selec 1", "selec 1"),
        ("select cast(tier as int) from pairs", "from source column tier"),
    ):
        with pytest.raises(UserError, match=re.escape(told_at_the_end)) as told:
            answer(connection, sql, form)
        assert "\n" not in str(told.value)


def test_what_is_not_there_is_told(shards: Table, tmp_path: Path) -> None:
    absent = Table(url=str(tmp_path / "absent"), schema=shards.schema)
    empty = connect({}, {"phase2": {"pairs": absent}}, "phase2", EVERY_TABLE)
    with pytest.raises(UserError, match=r"tables there are: none: run `pianograde demo` first"):
        answer(empty, "select * from nothing")
    with pytest.raises(UserError, match=r"'xlsx'; expected one of table, csv, json, parquet"):
        answer(empty, "select 1", "xlsx")
    with pytest.raises(UserError, match=r"no recipe is called 'nope'; expected one of phase2"):
        connect({}, {"phase2": {}}, "nope", EVERY_TABLE)


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "select 1; select 2",
        "create table t as select 1",
        "copy pairs to 'FILE'",
        "set threads = 1",
        "attach 'FILE' as other",
        "install httpfs",
        "load httpfs",
        "pragma database_size",
        "call pragma_version()",
        "export database 'FILE'",
    ],
)
def test_what_is_no_select_is_refused(
    connection: duckdb.DuckDBPyConnection, sql: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"read-only: expected one SELECT .*, got [A-Z]|nothing"):
        answer(connection, sql.replace("FILE", str(tmp_path / "file")))
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize(
    "sql",
    [
        "explain analyze copy (select 1) to 'FILE'",
        "with t as (copy (select 1) to 'FILE') select 1",
        "with t as (copy pairs to 'PART') select 1",
        "explain analyze create table t as select 1",
        "explain analyze drop view pairs",
        "explain analyze set threads = 1",
        "from enable_logging(storage := 'file', storage_path := 'FILE')",
        "from query('copy (select 1) to ''FILE''')",
        "from read_csv('SECRET')",
        "from read_text('SECRET')",
        "from read_blob('SECRET')",
        "from read_parquet('PART')",
        "from 'PART'",
        "from glob('SECRET')",
        "from sniff_csv('SECRET')",
        "from read_csv('http://127.0.0.1:9/a.csv')",
    ],
)
def test_a_statement_reaches_the_tables_alone(
    connection: duckdb.DuckDBPyConnection, shards: Table, sql: str, tmp_path: Path
) -> None:
    secret, file = tmp_path / "secret.csv", tmp_path / "file"
    part = next(Path(shards.url).rglob("*.parquet"))
    before = part.read_bytes()
    secret.write_text("a,b\n1,2\n")
    named = sql.replace("SECRET", str(secret)).replace("FILE", str(file))
    with pytest.raises(UserError) as told:
        answer(connection, named.replace("PART", str(part)))
    assert "\n" not in str(told.value)
    assert not file.exists()
    assert part.read_bytes() == before


def test_python_variables_are_no_tables(connection: duckdb.DuckDBPyConnection) -> None:
    sql = "select current_setting('python_enable_replacements') as found"
    assert rows_of(connection, sql) == [{"found": False}]


@pytest.mark.parametrize(
    "sql",
    [
        "from pairs select tier limit 1",
        "table quarantine",
        "values (1), (2)",
        "with t as (select 1 as a) select a from t",
        "describe pairs",
        "describe select tier from pairs",
        "show tables",
        "summarize select tier, duration_s from pairs",
        "explain select tier from pairs",
        "explain analyze select tier from pairs",
        "select 1;",
    ],
)
def test_what_analysts_use_goes_on_working(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    for form in ("table", "csv", "json", "parquet"):
        assert sql == "table quarantine" or answer(connection, sql, form)


def test_lists_and_structs_are_json_and_blobs_are_base64(
    connection: duckdb.DuckDBPyConnection, shards: Table
) -> None:
    """The expected values come of Arrow, without DuckDB."""
    names = ("sample_id", "edits", "strengths", "realised_snr_db", "midi", "recording_quality")
    expected = read_table(shards, tier="poor").to_table(columns=list(names)).to_pylist()
    for row in expected:
        row["midi"]["bytes"] = base64.b64encode(row["midi"]["bytes"]).decode()
    sql = f"select {', '.join(names)} from pairs where tier = 'poor'"
    key = names[0]
    expected = sorted(expected, key=lambda row: row[key])
    assert sorted(rows_of(connection, sql), key=lambda row: row[key]) == expected
    cells = csv.DictReader(io.StringIO(answer(connection, sql, "csv").decode()))
    for cell, row in zip(sorted(cells, key=lambda row: row[key]), expected, strict=True):
        assert cell[key] == row[key]
        assert float(cell["realised_snr_db"]) == row["realised_snr_db"]
        assert cell["recording_quality"] == ""
        for name in ("edits", "strengths", "midi"):
            assert json.loads(cell[name]) == row[name]


def test_odd_values_and_names_are_written(connection: duckdb.DuckDBPyConnection) -> None:
    sql = (
        'select \'a"b,\n\' as "it\'s ""x""", 1 as a, 2 as a, \'nan\'::double as nan, '
        "'fLaC'::blob as flac, interval 1 day as day, "
        "{'it''s': ['\\xE9'::blob, null]} as nested, "
        "[['inf'::float, 1]] as deep, null::struct(b blob) as nothing, map {'k': 1} as pairs_of"
    )
    names = ['it\'s "x"', "a", "a_1", "nan", "flac", "day", "nested", "deep", "nothing", "pairs_of"]
    row = ['a"b,\n', 1, 2, None, "ZkxhQw==", "1 day", {"it's": ["6Q==", None]}, [[None, 1]]]
    assert rows_of(connection, sql) == [dict(zip(names, [*row, None, {"k": 1}], strict=True))]
    (cells,) = csv.DictReader(io.StringIO(answer(connection, sql, "csv").decode()))
    assert list(cells) == names
    assert math.isnan(float(cells["nan"]))
    assert [cells[name] for name in ("a", "a_1", "flac", "day", "nothing")] == [
        "1", "2", "ZkxhQw==", "1 day", "",
    ]  # fmt: skip
    assert json.loads(cells["nested"]) == row[6]
    with pytest.raises(UserError, match="interval"):
        answer(connection, sql, "parquet")


def test_parquet_holds_the_tables_own_values(
    connection: duckdb.DuckDBPyConnection, shards: Table, tmp_path: Path
) -> None:
    path = tmp_path / "rows.parquet"
    with path.open("wb") as file:
        write_answer(connection, "select * from pairs order by sample_id", "parquet", file)
    expected = read_table(shards).to_table().sort_by("sample_id")
    assert pq.read_table(path).to_pylist() == expected.to_pylist()


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_rows_are_written_while_they_are_found(
    connection: duckdb.DuckDBPyConnection, form: str
) -> None:
    """The last row would take weeks: a file that is full after a megabyte ends the statement."""

    class FullError(OSError):
        pass

    class Full(io.BytesIO):
        def write(self, data: Any, /) -> int:
            if self.tell() > 1e6:
                raise FullError
            return super().write(data)

    endless = "select a.range from range(100000000) a, range(100000000) b"
    with pytest.raises(FullError):
        write_answer(connection, endless, form, Full())


def test_every_batch_is_written(connection: duckdb.DuckDBPyConnection) -> None:
    count = 3 * BATCH_ROWS + 1
    assert rows_of(connection, f"from range({count})") == [{"range": n} for n in range(count)]
    written = answer(connection, f"from range({count})", "csv").decode().splitlines()
    assert written == ['"range"', *map(str, range(count))]
    file = io.BytesIO(answer(connection, f"from range({count})", "parquet"))
    assert pq.read_table(file)["range"].to_pylist() == list(range(count))


@pytest.mark.parametrize("form", ["table", "csv", "json", "parquet"])
def test_ctrl_c_ends_a_statement(connection: duckdb.DuckDBPyConnection, form: str) -> None:
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        answer(connection, LONG, form)
    assert time.monotonic() - began < 3


def test_the_dictionarys_statement_joins_edits_with_the_notes_of_the_piece(
    connection: duckdb.DuckDBPyConnection, shards: Table
) -> None:
    """The notes that were damaged are those of the row's own MIDI, later by the segment's start."""
    (sql,) = re.findall(r"```sql\n(.*?)```", data_dictionary(), re.DOTALL)
    rows = read_table(shards).to_table(columns=["sample_id", "start_s", "clean_midi", "edits"])
    damaged = {row["sample_id"]: row for row in rows.to_pylist()}
    clean = {name: read_midi(row["clean_midi"]["bytes"], name) for name, row in damaged.items()}
    joined = defaultdict(list)
    for row in rows_of(connection, sql):
        joined[row["sample_id"]].append(row)
    assert sum(map(len, joined.values())) > 1000
    for name, row in damaged.items():
        edits = [edit for edit in row["edits"] if edit["change"] != "extra"]
        for edit, beside in zip(edits, joined[name], strict=True):
            note = clean[name].notes[edit["note_id"]]
            assert beside["operation"] == edit["operation"]
            assert beside["note"]["pitch"] == note["pitch"]
            assert beside["note"]["velocity"] == note["velocity"]
            onset_s = row["start_s"] + note["onset_s"]
            assert beside["note"]["onset_s"] == pytest.approx(onset_s, abs=1e-4)
