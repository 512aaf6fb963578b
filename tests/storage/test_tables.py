import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from degradation.errors import UserError
from storage.derive import derive_data_file, derived_path
from storage.tables import (
    ROW_GROUP_ROWS,
    DataFile,
    Table,
    commit,
    data_file_path,
    data_file_rows,
    find_data_file,
    read_data_file,
    read_table,
    table_exists,
    write_data_file,
)

SCHEMA = pa.schema([("tier", pa.string()), ("year", pa.int16()), ("n", pa.int64())])


def table_at(url: str) -> Table:
    return Table(url=url, schema=SCHEMA, partition_by=("tier", "year"))


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return table_at(str(tmp_path / "table"))


def rows(tier: str, *numbers: int) -> pa.Table:
    columns = {"tier": [tier] * len(numbers), "year": [2004] * len(numbers), "n": list(numbers)}
    return pa.table(columns, schema=SCHEMA)


def write(table: Table, tier: str, *numbers: int, name: str | None = None) -> DataFile:
    name = name or "-".join(map(str, numbers)) or "empty"
    path = data_file_path(table, {"tier": tier, "year": "2004"}, name)
    return write_data_file(table, path, [rows(tier, *numbers)])


def put(table: Table, tier: str, *parts: DataFile) -> int:
    return commit(table, parts, {"tier": tier, "year": "2004"})


def numbers(table: Table, version: int | None = None, **partition: str) -> list[int]:
    found: list[int] = read_table(table, version, **partition).to_table()["n"].to_pylist()
    return sorted(found)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_commit_replaces_its_partition_and_no_other(table: Table) -> None:
    put(table, "poor", write(table, "poor", 1, 2), write(table, "poor", 3))
    put(table, "good", write(table, "good", 10))
    put(table, "poor", write(table, "poor", 3), write(table, "poor", 4))
    assert numbers(table) == [3, 4, 10]
    assert numbers(table, tier="good") == [10]
    put(table, "poor")
    assert numbers(table) == [10]


def test_without_a_partition_the_whole_table_is_replaced(table: Table) -> None:
    put(table, "poor", write(table, "poor", 1))
    commit(table, [write(table, "good", 2)])
    assert numbers(table) == [2]


def test_nothing_is_committed_when_the_same_parts_are_there(table: Table) -> None:
    first, second = write(table, "poor", 1), write(table, "poor", 2)
    version = put(table, "poor", first, second)
    assert put(table, "poor", second, first) == version
    assert put(table, "poor", first) == version + 1


def test_parts_that_were_replaced_can_come_back(table: Table) -> None:
    old, new = write(table, "poor", 1), write(table, "poor", 2)
    for part in (old, new, old):
        put(table, "poor", part)
    assert numbers(table) == [1]


def test_a_reader_pinned_to_a_version_keeps_it(table: Table) -> None:
    version = put(table, "poor", write(table, "poor", 1))
    pinned = read_table(table, version)
    put(table, "poor", write(table, "poor", 2))
    assert pinned.to_table()["n"].to_pylist() == [1]
    assert numbers(table, version) == [1]
    assert list(data_file_rows(table, version).values()) == [1]
    assert numbers(table) == [2]


def test_the_log_knows_the_rows_of_every_part(table: Table) -> None:
    put(table, "poor", write(table, "poor", 1, 2, 3), write(table, "poor", 4))
    put(table, "good", write(table, "good"))
    assert data_file_rows(table) == {
        "tier=good/year=2004/empty.parquet": 0,
        "tier=poor/year=2004/1-2-3.parquet": 3,
        "tier=poor/year=2004/4.parquet": 1,
    }
    assert sum(data_file_rows(table, tier="poor", year="2004").values()) == 4


def test_a_table_that_was_never_committed_is_told(table: Table) -> None:
    assert not table_exists(table)
    with pytest.raises(UserError, match=r"table 'table' is not there .*: make it first"):
        read_table(table)
    put(table, "poor")
    assert table_exists(table)
    assert numbers(table) == []
    with pytest.raises(UserError, match=r"table has no version 7; expected 0 to 0"):
        read_table(table, 7)


def test_a_table_of_other_columns_is_not_written_into(table: Table) -> None:
    put(table, "poor", write(table, "poor", 1))
    wider = Table(url=table.url, schema=SCHEMA.append(pa.field("more", pa.string())))
    with pytest.raises(UserError, match=r"differs in the columns more; .* remove that folder"):
        commit(wider, [])


def test_a_part_is_found_again_with_its_rows(table: Table) -> None:
    assert find_data_file(table, "tier=poor/year=2004/1-2.parquet") is None
    assert write(table, "poor", 1, 2) == find_data_file(table, "tier=poor/year=2004/1-2.parquet")


def test_a_part_that_was_cut_short_is_not_found(table: Table) -> None:
    part = write(table, "poor", 1, 2)
    path = Path(table.url) / part.path
    path.write_bytes(path.read_bytes()[:-20])
    assert find_data_file(table, part.path) is None
    path.write_bytes(b"")
    assert find_data_file(table, part.path) is None


def test_row_groups_are_small_and_come_one_at_a_time(table: Table) -> None:
    part = write(table, "poor", *range(3 * ROW_GROUP_ROWS + 1), name="many")
    groups = list(read_data_file(table, part.path, ["n"]))
    assert [len(group) for group in groups] == [ROW_GROUP_ROWS] * 3 + [1]
    assert pa.concat_tables(groups)["n"].to_pylist() == list(range(3 * ROW_GROUP_ROWS + 1))


def failing_groups() -> Iterator[pa.Table]:
    yield rows("poor", 1, 2)
    raise RuntimeError("half-way")


def test_a_write_that_fails_half_way_leaves_nothing(table: Table) -> None:
    path = data_file_path(table, {"tier": "poor", "year": "2004"}, "broken")
    with pytest.raises(RuntimeError, match=r"half-way"):
        write_data_file(table, path, failing_groups())
    assert find_data_file(table, path) is None
    assert files(Path(table.url).parent) == []


def test_a_source_that_is_gone_is_told_as_one_of_reading(table: Table, tmp_path: Path) -> None:
    target = table_at(str(tmp_path / "target"))
    source = write(table, "poor", 1)
    (Path(table.url) / source.path).unlink()
    with pytest.raises(UserError, match=r"could not read .*table/tier=poor") as told:
        derive_data_file(table, source.path, target, "v1", lambda group: group)
    assert "\n" not in str(told.value)
    assert files(tmp_path) == []


def test_what_a_dead_process_left_does_no_harm(table: Table) -> None:
    part = write(table, "poor", 1)
    put(table, "poor", part)
    folder = Path(table.url) / "tier=poor" / "year=2004"
    (folder / f".{part.path.split('/')[-1]}.0123.tmp").write_bytes(b"half a file")
    (folder / "never-committed.parquet").write_bytes((Path(table.url) / part.path).read_bytes())
    assert numbers(table) == [1]
    assert list(data_file_rows(table)) == [part.path]
    put(table, "poor", write(table, "poor", 2))
    assert numbers(table) == [2]


def test_a_part_follows_from_another_once(table: Table, tmp_path: Path) -> None:
    target = table_at(str(tmp_path / "target"))
    source = write(table, "poor", *range(40), name="source")
    calls = []

    def double(group: pa.Table) -> pa.Table:
        calls.append(len(group))
        return group.set_column(2, "n", pa.array([2 * n.as_py() for n in group["n"]]))

    derived = derive_data_file(table, source.path, target, "v1", double)
    assert derived.path == derived_path(source.path, "v1") != source.path
    assert derive_data_file(table, source.path, target, "v1", double) == derived
    assert calls == [32, 8]
    found = [n for group in read_data_file(target, derived.path) for n in group["n"].to_pylist()]
    assert found == [2 * n for n in range(40)]
    assert derive_data_file(table, source.path, target, "v2", double).path != derived.path


# Several writers at once, as processes: Delta Lake's own locks are what is tried.


def commit_some(url: str, tier: str, together: Barrier, rounds: int) -> None:
    table = table_at(url)
    together.wait()
    for number in range(rounds):
        put(table, tier, write(table, tier, number))


def commit_to_each(url: str, name: str, together: Barrier, partitions: int) -> None:
    """Commit a part of one's own to each of some fresh partitions, at the same moments."""
    table = table_at(url)
    for number in range(partitions):
        part = write(table, f"tier{number}", number, name=name)
        together.wait()
        put(table, f"tier{number}", part)


Writer = Callable[[str, str, Barrier, int], None]


def run_at_once(writer: Writer, url: str, names: Sequence[str], count: int) -> None:
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(len(names), timeout=300)
    writers = [spawn.Process(target=writer, args=(url, name, together, count)) for name in names]
    for process in writers:
        process.start()
    for process in writers:
        process.join(600)
    assert [process.exitcode for process in writers] == [0] * len(writers)


@pytest.mark.slow
def test_writers_of_different_partitions_all_land(table: Table) -> None:
    run_at_once(commit_some, table.url, ("poor", "good", "moderate"), 8)
    landed = {f"tier={tier}/year=2004/7.parquet" for tier in ("good", "moderate", "poor")}
    assert set(data_file_rows(table)) == landed


def test_writers_of_one_partition_never_leave_two_contents(table: Table) -> None:
    run_at_once(commit_to_each, table.url, ("one", "other"), 25)
    held = data_file_rows(table)
    assert len(held) == 25
    assert len({path.split("/")[0] for path in held}) == 25


WRITE_FOR_EVER = """
import sys
import pyarrow as pa
from storage.tables import Table, commit, data_file_path, write_data_file
schema = pa.schema([("tier", pa.string()), ("year", pa.int16()), ("n", pa.int64())])
table = Table(url=sys.argv[1], schema=schema, partition_by=("tier", "year"))
partition = {"tier": "poor", "year": "2004"}
for number in range(10**9):
    some = pa.table({"tier": ["poor"] * 500, "year": [2004] * 500, "n": [number] * 500}, schema)
    path = data_file_path(table, partition, str(number))
    commit(table, [write_data_file(table, path, [some])], partition)
    print(number, flush=True)
"""


def test_a_killed_writer_leaves_the_table_whole(table: Table) -> None:
    put(table, "poor", write(table, "poor", -1))
    for round_ in range(4):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITE_FOR_EVER, table.url], stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        for _ in range(3 * round_ + 1):
            committed = int(writer.stdout.readline())
        time.sleep(0.005 * round_)  # into what follows a commit, not always as far
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        found = numbers(table)
        assert found == [found[0]] * 500
        assert found[0] >= committed
        put(table, "poor", write(table, "poor", *([round_] * 500), name=f"after-{round_}"))
        assert numbers(table) == [round_] * 500


def test_a_full_disk_is_told_and_the_table_stays(tiny_disk: Path) -> None:
    table = table_at(str(tiny_disk / "table"))
    first, second = write(table, "poor", 1), write(table, "poor", 2)
    put(table, "poor", first)
    large = rows("poor", *range(400_000)).set_column(
        2, "n", pa.array([pow(7, n, 2**61 - 1) for n in range(400_000)])
    )
    with pytest.raises(UserError, match=r"the disk is full; free some space and run again"):
        write_data_file(
            table, data_file_path(table, {"tier": "poor", "year": "2004"}, "large"), [large]
        )
    assert files(tiny_disk / "table" / "tier=poor") == ["1.parquet", "2.parquet"]
    fill(tiny_disk / "filler")
    with pytest.raises(UserError, match=r"could not commit .*the disk is full"):
        put(table, "poor", second)
    assert numbers(table) == [1]
    (tiny_disk / "filler").unlink()
    put(table, "poor", second)
    assert numbers(table) == [2]


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


def test_an_object_store_holds_tables_too(object_store: str) -> None:
    table, target = table_at(f"{object_store}/table"), table_at(f"{object_store}/derived")
    assert not table_exists(table)
    version = put(table, "poor", write(table, "poor", 1), write(table, "poor", 2))
    put(table, "good", write(table, "good", 10))
    put(table, "poor", write(table, "poor", 3))
    assert numbers(table) == [3, 10]
    assert numbers(table, version) == [1, 2]
    assert numbers(table, tier="poor") == [3]
    assert data_file_rows(table, tier="poor", year="2004") == {"tier=poor/year=2004/3.parquet": 1}
    derived = derive_data_file(
        table, "tier=poor/year=2004/3.parquet", target, "v1", lambda part: part
    )
    assert find_data_file(target, derived.path) == derived
    assert [group["n"].to_pylist() for group in read_data_file(target, derived.path)] == [[3]]


def test_an_object_store_shows_no_part_that_failed_half_way(object_store: str) -> None:
    table = table_at(f"{object_store}/failing")
    with pytest.raises(RuntimeError, match=r"half-way"):
        write_data_file(table, "broken.parquet", failing_groups())
    assert find_data_file(table, "broken.parquet") is None


@pytest.mark.slow
def test_writers_to_an_object_store_at_once_all_land(object_store: str) -> None:
    table = table_at(f"{object_store}/busy")
    run_at_once(commit_some, table.url, ("poor", "good"), 3)
    assert data_file_rows(table) == {f"tier={t}/year=2004/2.parquet": 1 for t in ("good", "poor")}


def test_a_missing_bucket_is_told_in_one_line(object_store: str) -> None:
    with pytest.raises(UserError, match=r"could not open s3://elsewhere") as told:
        table_exists(table_at("s3://elsewhere/x"))
    assert "\n" not in str(told.value)


def test_a_part_makes_sense_alone(table: Table) -> None:
    part = write(table, "poor", 1)
    assert pq.read_table(Path(table.url) / part.path, partitioning=None).to_pylist() == [
        {"tier": "poor", "year": 2004, "n": 1}
    ]


LEAVE_IN_THE_MIDDLE = """
import pickle, sys
from storage.tables import read_table

batches = read_table(pickle.loads(bytes.fromhex(sys.argv[1]))).to_batches(batch_size=1)
print(next(batches).num_rows)
"""


@pytest.mark.slow
def test_a_process_that_ends_while_it_reads_ends_well(table: Table) -> None:
    """Read-ahead goes on at that moment; it hung or crashed every second time."""
    put(table, "poor", *(write(table, "poor", *range(k, k + 2)) for k in range(60)))
    command = [sys.executable, "-c", LEAVE_IN_THE_MIDDLE, pickle.dumps(table).hex()]
    for _ in range(5):
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "1\n", "")


def test_tables_are_read_without_pythons_file_system(table: Table, object_store: str) -> None:
    for url, kind in ((table.url, "local"), (f"{object_store}/native", "s3")):
        there = table_at(url)
        put(there, "poor", write(there, "poor", 1))
        assert read_table(there).filesystem.base_fs.type_name == kind
        assert numbers(there) == [1]
