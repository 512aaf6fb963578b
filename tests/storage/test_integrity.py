import dataclasses
import re
import shutil
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import pyarrow as pa
import pytest

from storage.integrity import FileReport, FileTask, check_file, sample_rows, unpaired
from storage.schema import PAIRS, PAIRS_QUARANTINE
from storage.tables import (
    DataFile,
    Table,
    commit,
    data_file_path,
    data_files,
    read_data_file,
    write_data_file,
)

POOR = {"tier": "poor", "year": "2021"}


@pytest.fixture
def pairs(shards: Table, tmp_path: Path) -> Table:
    """A copy of the shards, to be damaged."""
    shutil.copytree(shards.url, tmp_path / "pairs")
    return dataclasses.replace(shards, url=str(tmp_path / "pairs"))


def poor_file(table: Table) -> DataFile:
    [file] = [file for file in data_files(table) if file.path.startswith("tier=poor")]
    return file


def check(table: Table, replayed: tuple[int, ...] = ()) -> FileReport:
    return check_file(FileTask(table=table, file=poor_file(table), replayed=replayed))


def rewrite(table: Table, rows: pa.Table) -> None:
    """Put other rows in the place of the poor ones, as a correct file of a valid version."""
    path = data_file_path(table, POOR, "f" * 16)
    commit(table, [write_data_file(table, path, [rows])], POOR)


def with_cell(table: Table, place: int, **cells: Any) -> pa.Table:
    rows = pa.concat_tables(read_data_file(table, poor_file(table).path)).to_pylist()
    rows[place] |= cells
    return pa.Table.from_pylist(rows, schema=PAIRS)


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << (place % 8)
    path.write_bytes(data)


def test_shards_as_they_were_written_have_no_fault(pairs: Table) -> None:
    assert check(pairs, (0, 33, 39)) == FileReport(sealed=True)


@pytest.mark.parametrize("place", ["header", "audio", "footer", "checksum", "end"])
def test_one_changed_byte_of_a_part_is_found(pairs: Table, place: str) -> None:
    path = Path(pairs.url) / poor_file(pairs).path
    data = path.read_bytes()
    places = {
        "header": 12,
        "audio": data.index(b"fLaC") + 5000,
        "footer": len(data) - 3000,
        "checksum": data.rindex(b"crc32") + 9,
        "end": len(data) - 6,
    }
    flip(path, places[place])
    assert check(pairs).damaged


def test_any_changed_byte_of_a_small_file_is_found(tmp_path: Path) -> None:
    table = Table(url=str(tmp_path), schema=PAIRS_QUARANTINE, partition_by=("tier", "year"))
    row = {"stage": "pairs", "item": "one", "reason": "silent", "tier": "poor", "year": 2021}
    rows = pa.Table.from_pylist([row], schema=PAIRS_QUARANTINE)
    file = write_data_file(table, data_file_path(table, POOR, "f" * 16), [rows])
    task = FileTask(table=table, file=file)
    assert not check_file(task).faults
    path = tmp_path / file.path
    whole = path.read_bytes()
    checksum = whole.rindex(b"crc32")
    for place in {*range(0, len(whole), 7), *range(checksum - 4, checksum + 20)}:
        flip(path, place)
        assert check_file(task).faults, place
        path.write_bytes(whole)


def test_files_of_an_object_store_are_checked_too(object_store: str) -> None:
    schema = pa.schema([("n", pa.int64())])
    table = Table(url=f"{object_store}/checked", schema=schema)
    rows = pa.table({"n": list(range(9000))}, schema=schema)
    whole = write_data_file(table, "part.parquet", [rows])
    assert check_file(FileTask(table=table, file=whole)) == FileReport()
    store = boto3.client("s3")
    data = bytearray(
        store.get_object(Bucket="music", Key="base/checked/part.parquet")["Body"].read()
    )
    data[len(data) // 2] ^= 1
    store.put_object(Bucket="music", Key="base/checked/part.parquet", Body=bytes(data))
    assert check_file(FileTask(table=table, file=whole)).damaged
    store.delete_object(Bucket="music", Key="base/checked/part.parquet")
    assert check_file(FileTask(table=table, file=whole)).faults == ("it is missing",)


def test_half_a_part_and_a_missing_one_are_found(pairs: Table) -> None:
    path = Path(pairs.url) / poor_file(pairs).path
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert "bytes; expected" in check(pairs).faults[0]
    path.unlink()
    assert check(pairs).faults == ("it is missing",)


def test_other_columns_than_the_tables_are_found(pairs: Table) -> None:
    file = poor_file(pairs)
    rows = pa.concat_tables(read_data_file(pairs, file.path)).drop_columns(["gain_db"])
    narrow = dataclasses.replace(pairs, schema=PAIRS.remove(PAIRS.get_field_index("gain_db")))
    written = write_data_file(narrow, file.path, [rows])
    report = check_file(FileTask(table=pairs, file=written))
    assert report.faults == (
        f"its columns are not the table's; expected {len(PAIRS)}: see gain_db",
    )


@pytest.mark.parametrize(
    ("column", "data", "says"),
    [
        ("audio", b"fLaC and no more", "its audio"),
        ("midi", b"MThd and no more", "midi"),
        ("clean_midi", b"", "clean_midi"),
    ],
)
def test_broken_media_are_found_and_their_row_named(
    pairs: Table, column: str, data: bytes, says: str
) -> None:
    rewrite(pairs, with_cell(pairs, 35, **{column: {"bytes": data, "path": "x"}}))
    [fault] = check(pairs).faults
    assert re.match(f"row .*: .*{says}", fault)


def test_a_changed_frame_of_flac_and_a_wrong_length_are_found(pairs: Table) -> None:
    rows = pa.concat_tables(read_data_file(pairs, poor_file(pairs).path)).to_pylist()
    audio = bytearray(rows[3]["audio"]["bytes"])
    audio[len(audio) // 2] ^= 4
    rewrite(pairs, with_cell(pairs, 3, audio={"bytes": bytes(audio), "path": "x"}))
    assert len(check(pairs, (3,)).faults) == 1
    rewrite(pairs, with_cell(pairs, 9, duration_s=9.0))
    assert "expected 216000 at 24000 Hz" in check(pairs).faults[1]


def test_a_row_that_is_not_made_again_the_same_is_found_where_it_is_drawn(pairs: Table) -> None:
    rows = pa.concat_tables(read_data_file(pairs, poor_file(pairs).path)).to_pylist()
    rewrite(pairs, with_cell(pairs, 34, edits=rows[33]["edits"]))
    assert not check(pairs, (33,)).faults
    assert "replay gives other bytes" in check(pairs, (34,)).faults[0]


def test_a_file_without_a_checksum_is_no_fault_but_said(
    pairs: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.checksum.seal", lambda _: None)
    monkeypatch.setattr("storage.checksum.KEY", "huggingface")
    rewrite(pairs, pa.concat_tables(read_data_file(pairs, poor_file(pairs).path)))
    assert check(pairs) == FileReport(sealed=False)


def test_a_file_made_again_with_other_bytes_is_the_one_of_the_log(pairs: Table) -> None:
    before = poor_file(pairs)
    rows = pa.concat_tables(read_data_file(pairs, before.path)).slice(0, 7)
    again = write_data_file(pairs, before.path, [rows])
    assert "bytes; expected" in check(pairs).faults[0]
    commit(pairs, [again], {"tier": "poor", "year": before.path.split("year=")[1][:4]})
    assert poor_file(pairs) == again != before
    assert not check(pairs).faults


def test_rows_are_drawn_from_all_files_and_again_by_the_same_seed() -> None:
    files = [DataFile(path=str(n), size=1, rows=10 * n) for n in range(4)]
    drawn = sample_rows(files, 30, seed=1)
    assert sum(map(len, drawn.values())) == 30
    assert all(place < 10 * int(path) for path, places in drawn.items() for place in places)
    assert drawn == sample_rows(files, 30, seed=1) != sample_rows(files, 30, seed=2)
    assert sum(map(len, sample_rows(files, 99, seed=1).values())) == 60


def test_derived_files_follow_from_those_of_the_pairs() -> None:
    pairs = {"tier=poor/year=1/aa.parquet": 3, "tier=poor/year=2/bb.parquet": 4}
    good = {"tier=poor/year=1/aa-h2.parquet": 3, "tier=poor/year=2/bb-h2.parquet": 4}
    assert not list(unpaired(pairs, good))
    bad = {"tier=poor/year=1/aa-h2.parquet": 2, "tier=poor/year=2/cc-h2.parquet": 4}
    assert [path.rsplit("/", 1)[1] for path, _ in unpaired(pairs, bad)] == [
        "aa-h2.parquet", "bb.parquet", "cc-h2.parquet",
    ]  # fmt: skip
