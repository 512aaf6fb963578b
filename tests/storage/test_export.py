from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from degradation.errors import UserError
from storage.export import FILE_ROWS, export_shards
from storage.tables import Table, commit, write_part

PAIRS = pa.schema([("sample_id", pa.string()), ("split", pa.string()), ("tier", pa.string())])
READINGS = pa.schema([("sample_id", pa.string()), ("tier", pa.string()), ("score", pa.float64())])


def described(schema: pa.Schema) -> pa.Schema:
    return pa.schema([field.with_metadata({"description": field.name}) for field in schema])


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Table, Table]:
    """5,000 train and 10 test rows in many small parts, and readings in another order."""
    rows = [
        {"sample_id": f"s{n:05d}", "split": "test" if n % 501 == 0 else "train", "tier": "good"}
        for n in range(5010)
    ]
    pairs = Table(url=str(tmp_path / "pairs"), schema=described(PAIRS))
    heuristics = Table(url=str(tmp_path / "heuristics"), schema=described(READINGS))
    parts = [
        write_part(
            pairs, f"{n}.parquet", [pa.Table.from_pylist(rows[n : n + 167], schema=pairs.schema)]
        )
        for n in range(0, len(rows), 167)
    ]
    commit(pairs, parts)
    readings = [
        {"sample_id": row["sample_id"], "tier": "good", "score": float(row["sample_id"][1:])}
        for row in reversed(rows)
    ]
    table = pa.Table.from_pylist(readings, schema=heuristics.schema)
    commit(heuristics, [write_part(heuristics, "all.parquet", [table])])
    return pairs, heuristics


def test_every_row_is_exported_once_with_its_readings(
    tables: tuple[Table, Table], tmp_path: Path
) -> None:
    paths = export_shards(*tables, tmp_path / "out")
    assert [path.name for path in paths] == [
        "train-00000-of-00003.parquet",
        "train-00001-of-00003.parquet",
        "train-00002-of-00003.parquet",
        "test-00000-of-00001.parquet",
    ]
    rows = [row for path in paths for row in pq.read_table(path).to_pylist()]
    assert sorted(row["sample_id"] for row in rows) == [f"s{n:05d}" for n in range(5010)]
    assert all(row["score"] == float(row["sample_id"][1:]) for row in rows)
    assert all(pq.read_metadata(path).num_rows <= FILE_ROWS for path in paths)
    assert {row["split"] for row in pq.read_table(paths[-1]).to_pylist()} == {"test"}


def test_an_export_does_not_mix_with_another(tables: tuple[Table, Table], tmp_path: Path) -> None:
    export_shards(*tables, tmp_path / "out")
    with pytest.raises(UserError, match="empty"):
        export_shards(*tables, tmp_path / "out")
