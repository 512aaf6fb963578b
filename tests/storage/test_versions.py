import dataclasses
from pathlib import Path

import pyarrow as pa
import pytest

from storage.tables import DataFile, Table, commit, data_file_path, write_data_file
from storage.vacuum import vacuum
from storage.versions import find_version, version_fault

SCHEMA = pa.schema([("tier", pa.string()), ("n", pa.int64())])


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """Two versions after the empty one: file 0, then file 1 in its place."""
    table = Table(url=str(tmp_path / "table"), schema=SCHEMA, partition_by=("tier",))
    for n in range(2):
        commit(table, [write(table, n)], {"tier": "good"})
    return table


def write(table: Table, n: int) -> DataFile:
    rows = pa.table({"tier": ["good"], "n": [n]}, schema=SCHEMA)
    return write_data_file(table, data_file_path(table, {"tier": "good"}, str(n)), [rows])


def test_an_older_version_is_found_as_it_was(table: Table) -> None:
    newest, older = find_version(table), find_version(table, 1)
    assert (newest.version, older.version) == (2, 1)
    assert newest.files == older.files == 1
    assert newest.digest != older.digest
    assert version_fault(table, newest) == version_fault(table, older) == ""


def test_a_vacuumed_version_is_named_with_the_way_out(table: Table) -> None:
    newest, older = find_version(table), find_version(table, 1)
    vacuum(table, 1)
    assert version_fault(table, newest) == ""
    fault = version_fault(table, older)
    assert "expected 1 files, got 0" in fault
    assert "vacuum" in fault
    assert "\n" not in fault


def test_a_file_of_another_size_counts_as_lost(table: Table) -> None:
    newest = find_version(table)
    path = Path(table.url) / "tier=good/1.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    assert "expected 1 files, got 0" in version_fault(table, newest)


def test_a_table_that_was_made_anew_is_another(table: Table) -> None:
    was = dataclasses.replace(find_version(table), digest="0" * 16)
    assert "made anew" in version_fault(table, was)


def test_a_version_that_never_was_is_one_line(table: Table) -> None:
    fault = version_fault(table, dataclasses.replace(find_version(table), version=9))
    assert "version 9" in fault
    assert "\n" not in fault
