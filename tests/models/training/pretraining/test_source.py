from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from degradation.seeds import stream
from models.training.pretraining.source import CorpusTable
from storage.columns import NOTES, PEDAL, list_column
from storage.schema import PERFORMANCES
from storage.tables import Table, commit, data_file_path, write_data_file


@pytest.fixture(scope="module")
def stored(random_notes, tmp_path_factory) -> CorpusTable:
    """Four parts of ten performances of train, and one of the rest."""
    table = Table(
        url=Path(tmp_path_factory.mktemp("performances")).as_uri(),
        schema=PERFORMANCES,
        partition_by=("year",),
    )
    rows = [
        (split, name, performance)
        for split, those in random_notes.performances.items()
        for name, performance in those.items()
    ]
    parts = []
    for first in range(0, len(rows), 10):
        some = rows[first : first + 10]
        year = 2004 + first // 10
        columns = {
            name: pa.array([""] * len(some)).cast(PERFORMANCES.field(name).type)
            for name in PERFORMANCES.names
            if PERFORMANCES.field(name).type == pa.string()
        }
        columns |= {
            "performance_id": pa.array([name for _, name, _ in some]),
            "split": pa.array([split for split, _, _ in some]),
            "year": pa.array([year] * len(some), pa.int16()),
            # The recording's length, which a performance may outlast.
            "duration_s": pa.array([1.0] * len(some)),
            "left_out": pa.array([[]] * len(some), pa.list_(pa.string())),
            "notes": list_column([played.notes for _, _, played in some], NOTES),
            "pedal": list_column([played.pedal for _, _, played in some], PEDAL),
        }
        group = pa.table(columns).select(PERFORMANCES.names).cast(PERFORMANCES)
        path = data_file_path(table, {"year": str(year)}, f"part{first}")
        parts.append(write_data_file(table, path, [group]))
    return CorpusTable(table=table, version=commit(table, parts))


def test_each_performance_of_a_split_once_and_whole(stored, random_notes) -> None:
    for split, those in random_notes.performances.items():
        found = dict(stored(split, None))
        assert found.keys() == those.keys()
        for name, performance in those.items():
            assert np.array_equal(found[name].notes, performance.notes)
            assert np.array_equal(found[name].pedal, performance.pedal)
            assert found[name].duration_s >= performance.notes["offset_s"].max()


def test_the_order_is_the_streams(stored) -> None:
    def names(seed: int | None) -> list[str]:
        rng = None if seed is None else stream(seed, "t")
        return [name for name, _ in stored("train", rng)]

    assert names(None) == names(None)
    assert names(1) == names(1)
    assert names(1) != names(2)
    assert sorted(names(1)) == sorted(names(None))


def test_a_split_that_is_not_there(stored) -> None:
    assert list(stored("rehearsal", None)) == []
