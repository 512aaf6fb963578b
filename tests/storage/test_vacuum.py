import os
import time
from pathlib import Path

import pyarrow as pa
import pytest

from degradation.errors import UserError
from storage.tables import (
    DataFile,
    Table,
    commit,
    data_file_path,
    open_table,
    read_table,
    write_data_file,
)
from storage.vacuum import UNCOMMITTED_S, Freed, vacuum

SCHEMA = pa.schema([("tier", pa.string()), ("n", pa.int64())])
LONG_AGO = time.time() - 2 * UNCOMMITTED_S


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """Four versions of `poor`, each of a part of its own, and one part of `good`."""
    table = Table(url=str(tmp_path / "table"), schema=SCHEMA, partition_by=("tier",))
    commit(table, [write(table, "good", 9)], {"tier": "good"})
    for n in range(4):
        commit(table, [write(table, "poor", n)], {"tier": "poor"})
    return table


def write(table: Table, tier: str, n: int) -> DataFile:
    rows = pa.table({"tier": [tier], "n": [n]}, schema=SCHEMA)
    return write_data_file(table, data_file_path(table, {"tier": tier}, str(n)), [rows])


def files(table: Table) -> set[str]:
    folder = Path(table.url)
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {path for path in found if not path.startswith("_delta_log")}


def age(path: Path) -> None:
    os.utime(path, (LONG_AGO, LONG_AGO))


def numbers(table: Table, version: int | None = None) -> list[int]:
    found: list[int] = read_table(table, version).to_table()["n"].to_pylist()
    return sorted(found)


def test_the_newest_version_is_kept_and_all_else_removed(table: Table) -> None:
    size = sum((Path(table.url) / f"tier=poor/{n}.parquet").stat().st_size for n in range(3))
    assert vacuum(table, 1) == Freed(files=3, size=size)
    assert files(table) == {"tier=good/9.parquet", "tier=poor/3.parquet"}
    assert numbers(table) == [3, 9]


def test_as_many_versions_can_be_read_as_were_asked_for(table: Table) -> None:
    newest = open_table(table).version()
    for _ in range(2):  # tidying makes no versions, which would push the older ones out
        vacuum(table, 3)
        assert [numbers(table, newest - back) for back in range(3)] == [[3, 9], [2, 9], [1, 9]]
    assert "tier=poor/0.parquet" not in files(table)
    assert vacuum(table, 100) == Freed(files=0, size=0)


def test_what_killed_writers_left_goes_but_not_what_may_be_committed_yet(table: Table) -> None:
    folder = Path(table.url)
    write(table, "poor", 50)
    write(table, "poor", 51)
    for name in (".old.parquet.1.tmp", "tier=poor/.old.parquet.2.tmp"):
        (folder / name).write_bytes(b"half a file")
        age(folder / name)
    (folder / "tier=poor/.new.parquet.3.tmp").write_bytes(b"half a file")
    (folder / "notes.txt").write_text("not ours")
    for path in ("tier=poor/50.parquet", "notes.txt", "tier=poor/3.parquet"):
        age(folder / path)
    assert vacuum(table, 1).files == 3 + 3
    assert files(table) == {
        "notes.txt", "tier=good/9.parquet", "tier=poor/3.parquet", "tier=poor/51.parquet",
        "tier=poor/.new.parquet.3.tmp",
    }  # fmt: skip
    commit(table, [write(table, "poor", 51)], {"tier": "poor"})
    assert numbers(table) == [9, 51]


def test_a_part_that_was_removed_is_made_again(table: Table) -> None:
    vacuum(table, 1)
    commit(table, [write(table, "poor", 0)], {"tier": "poor"})
    assert numbers(table) == [0, 9]


def test_no_version_at_all_cannot_be_kept(table: Table) -> None:
    with pytest.raises(UserError, match=r"at least 1"):
        vacuum(table, 0)
    assert numbers(table) == [3, 9]


def test_a_table_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is not there"):
        vacuum(Table(url=str(tmp_path / "nowhere"), schema=SCHEMA), 1)


def test_an_object_store_is_tidied_too(object_store: str) -> None:
    table = Table(url=f"{object_store}/untidy", schema=SCHEMA, partition_by=("tier",))
    for n in range(3):
        commit(table, [write(table, "poor", n)], {"tier": "poor"})
    assert vacuum(table, 1).files == 2
    assert numbers(table) == [2]
