from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from degradation.errors import UserError
from storage.changes import find_difference, list_commits
from storage.query import connect
from storage.tables import DataFile, Table, commit, data_file_path, write_data_file

SCHEMA = pa.schema(
    [("sample_id", pa.string()), ("tier", pa.string()), ("score", pa.float64()),
     ("edits", pa.list_(pa.struct([("note_id", pa.int32())])))]
)  # fmt: skip


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """Versions: 0 empty; 1 a, b; 2 c; 3 without c; 4 with another b, without a, with d."""
    made = Table(url=str(tmp_path / "samples"), schema=SCHEMA, partition_by=("tier",))

    def part(name: str, tier: str, **scores: float | None) -> DataFile:
        rows: list[dict[str, Any]] = [
            {"sample_id": key, "tier": tier, "score": score, "edits": [{"note_id": 1}]}
            for key, score in scores.items()
        ]
        path = data_file_path(made, {"tier": tier}, name)
        return write_data_file(made, path, [pa.Table.from_pylist(rows, SCHEMA)])

    commit(made, [part("1", "good", a=1.0, b=None, same=5.0)], {"tier": "good"}, "pairs, run 7")
    commit(made, [part("2", "poor", c=3.0)], {"tier": "poor"}, "pairs, run 8")
    commit(made, [], {"tier": "poor"}, "pairs, run 9")
    commit(made, [part("3", "good", b=2.0, d=None, same=5.0)], {"tier": "good"}, "pairs, run 10")
    return made


def test_each_version_says_what_it_changed_and_why(table: Table) -> None:
    found = list_commits(table, 3)
    assert [(one.version, one.changed, one.why, one.rows) for one in found] == [
        (4, "good 1 files in, 1 out", "pairs, run 10", 3),
        (3, "poor 0 files in, 1 out", "pairs, run 9", 3),
        (2, "poor 1 files in, 0 out", "pairs, run 8", 4),
    ]
    assert all(datetime.now(UTC) - one.made_at < timedelta(minutes=5) for one in found)
    assert list_commits(table, 99)[-1].changed == "create table"


@pytest.mark.parametrize(
    ("versions", "added", "gone", "changed", "columns"),
    [
        ((1, 2), ["c"], [], [], {}),
        ((2, 1), [], ["c"], [], {}),
        ((1, 3), [], [], [], {}),
        ((2, 4), ["d"], ["a", "c"], ["b"], {"score": 1}),
        ((0, 2), ["a", "b", "c", "same"], [], [], {}),
    ],
)
def test_versions_differ_by_their_rows(
    table: Table,
    versions: tuple[int, int],
    added: list[str],
    gone: list[str],
    changed: list[str],
    columns: dict[str, int],
) -> None:
    found = find_difference(table, *versions)
    assert (found.added, found.gone, found.changed) == (added, gone, changed)
    assert found.columns == columns


def test_an_older_version_is_queried(table: Table) -> None:
    sql = "select count(*) from samples"
    for version, rows in ((0, 0), (2, 4), (4, 3)):
        tables = {"phase2": {"samples": table}}
        connection = connect({}, tables, "phase2", sql, {"samples": version})
        assert connection.sql(sql).fetchall() == [(rows,)]


def test_a_version_that_is_not_there_is_told(table: Table) -> None:
    with pytest.raises(UserError, match=r"^samples has no version 5; expected 0 to 4$"):
        find_difference(table, 1, 5)
    (Path(table.url) / "tier=poor" / "2.parquet").unlink()
    assert find_difference(table, 1, 4).gone == ["a"]
    with pytest.raises(UserError, match=r"^version 2 of .* lacks 1 file; .* a vacuum"):
        find_difference(table, 2, 4)
