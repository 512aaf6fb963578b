from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from degradation.errors import UserError
from labeling.functions import LABELING_FUNCTIONS
from storage.audio import decode_audio
from storage.derived import (
    DerivedTask,
    long_readings,
    write_heuristics,
    write_samples,
)
from storage.midi import read_midi
from storage.schema import HEURISTICS, SAMPLES
from storage.tables import Table, commit, data_file_rows, read_data_file, read_table


@pytest.fixture(scope="module")
def tasks(shards: Table, tmp_path_factory: pytest.TempPathFactory) -> list[DerivedTask]:
    """Every part of the shards derived and committed."""
    store = tmp_path_factory.mktemp("derived")
    heuristics = Table(
        url=str(store / "heuristics"), schema=HEURISTICS, partition_by=("tier", "year")
    )
    samples = Table(url=str(store / "samples"), schema=SAMPLES, partition_by=("tier", "year"))
    planned = [
        DerivedTask(pairs=shards, heuristics=heuristics, samples=samples, path=path)
        for path in data_file_rows(shards)
    ]
    commit(heuristics, [write_heuristics(task) for task in planned])
    commit(samples, [write_samples(task) for task in planned])
    return planned


def whole(table: Table, path: str) -> pa.Table:
    return pa.concat_tables(read_data_file(table, path))


def test_rows_follow_those_of_the_shards_in_order(tasks: list[DerivedTask]) -> None:
    for task in tasks:
        names = whole(task.pairs, task.path)["sample_id"].to_pylist()
        for table, write in (
            (task.heuristics, write_heuristics),
            (task.samples, write_samples),
        ):
            assert whole(table, write(task).path)["sample_id"].to_pylist() == names


def test_a_row_holds_what_the_functions_say_of_its_own_bytes(tasks: list[DerivedTask]) -> None:
    task = tasks[-1]
    pairs = whole(task.pairs, task.path)
    readings = whole(task.heuristics, write_heuristics(task).path).to_pylist()
    for at in (0, len(pairs) - 1):
        row = pairs.slice(at, 1).to_pylist()[0]
        performance = replace(read_midi(row["midi"]["bytes"], "x"), duration_s=10.0)
        waveform = decode_audio(row["audio"]["bytes"], "x")
        for function in LABELING_FUNCTIONS:
            reading = function(performance, waveform)
            assert readings[at][f"{function.name}_value"] == reading.value
            assert readings[at][f"{function.name}_score"] == reading.score
            assert readings[at][f"{function.name}_abstention"] == reading.abstention


def test_samples_are_the_shards_and_heuristics_side_by_side_and_light(
    tasks: list[DerivedTask],
) -> None:
    for task in tasks:
        path = write_samples(task).path
        samples = whole(task.samples, path)
        pairs = whole(task.pairs, task.path)
        readings = whole(task.heuristics, write_heuristics(task).path)
        for name in SAMPLES.names:
            source = pairs if name in pairs.column_names else readings
            assert samples[name].equals(source[name]), name
        assert not {"audio", "midi", "clean_midi", "edits"} & set(samples.column_names)
        # Four rows are mostly footer; a hundred thousand would not be.
        size = (Path(task.samples.url) / path).stat().st_size
        assert size < max(100_000, (Path(task.pairs.url) / task.path).stat().st_size / 20)


def test_samples_without_their_heuristics_are_told(
    tasks: list[DerivedTask], tmp_path: Path
) -> None:
    elsewhere = {
        name: replace(getattr(tasks[0], name), url=str(tmp_path / name))
        for name in ("heuristics", "samples")
    }
    with pytest.raises(UserError, match=r"heuristics lacks .*materialise heuristics first") as told:
        write_samples(replace(tasks[0], **elsewhere))
    assert "\n" not in str(told.value)
    assert not any(tmp_path.rglob("*.parquet"))


def test_what_was_derived_is_not_derived_again(tasks: list[DerivedTask], tmp_path: Path) -> None:
    folder = Path(tasks[0].heuristics.url).parent
    written = {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")}
    for task in tasks:
        write_heuristics(task)
        write_samples(task)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")} == written


def test_readings_stand_one_a_row_for_quality(tasks: list[DerivedTask]) -> None:
    samples = read_table(tasks[0].samples).to_table().to_pandas()
    long = long_readings(samples)
    assert len(long) == len(samples) * len(LABELING_FUNCTIONS)
    one = long[long["function"] == "MIDIVelocityRange"].set_index("sample_id")["value"]
    same = samples.set_index("sample_id")["MIDIVelocityRange_value"]
    assert one.equals(same.rename("value"))


def test_derived_tables_lie_in_an_object_store_too(
    tasks: list[DerivedTask], object_store: str
) -> None:
    task = next(task for task in tasks if "tier=good" in task.path)
    moved = Table(
        url=f"{object_store}/heuristics", schema=HEURISTICS, partition_by=("tier", "year")
    )
    part = write_heuristics(
        DerivedTask(pairs=task.pairs, heuristics=moved, samples=task.samples, path=task.path)
    )
    commit(moved, [part])
    found = read_table(moved, tier="good").to_table()
    assert found["sample_id"].to_pylist() == whole(task.pairs, task.path)["sample_id"].to_pylist()
