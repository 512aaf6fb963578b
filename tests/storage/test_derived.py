from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pytest

from degradation.errors import UserError
from labeling.functions import LABELING_FUNCTIONS
from storage.audio import decode_audio
from storage.derived import (
    HeuristicsTask,
    SamplesTask,
    by_folder,
    long_readings,
    write_heuristics,
    write_samples,
)
from storage.midi import read_midi
from storage.schema import HEURISTICS, SAMPLES
from storage.tables import Table, commit, data_file_rows, read_data_file, read_table


@dataclass(frozen=True, slots=True)
class Derived:
    """The shards, and what was derived from them: one task a part, and one a folder."""

    heuristics: list[HeuristicsTask]
    samples: list[SamplesTask]


@pytest.fixture(scope="module")
def derived(shards: Table, tmp_path_factory: pytest.TempPathFactory) -> Derived:
    """Everything that follows from the shards, committed."""
    store = tmp_path_factory.mktemp("derived")
    heuristics = Table(
        url=str(store / "heuristics"), schema=HEURISTICS, partition_by=("tier", "year")
    )
    samples = Table(url=str(store / "samples"), schema=SAMPLES, partition_by=("tier", "year"))
    paths = list(data_file_rows(shards))
    planned = Derived(
        [HeuristicsTask(pairs=shards, heuristics=heuristics, path=path) for path in paths],
        [
            SamplesTask(pairs=shards, heuristics=heuristics, samples=samples, paths=held)
            for held in by_folder(paths)
        ],
    )
    commit(heuristics, [write_heuristics(task) for task in planned.heuristics])
    commit(samples, [write_samples(task) for task in planned.samples])
    return planned


def whole(table: Table, path: str) -> pa.Table:
    return pa.concat_tables(read_data_file(table, path))


def test_rows_follow_those_of_the_shards_in_order(derived: Derived) -> None:
    for task in derived.heuristics:
        names = whole(task.pairs, task.path)["sample_id"]
        assert whole(task.heuristics, write_heuristics(task).path)["sample_id"].equals(names)
    for task in derived.samples:
        names = pa.concat_tables(whole(task.pairs, path) for path in task.paths)["sample_id"]
        found = whole(task.samples, write_samples(task).path)["sample_id"]
        assert found.to_pylist() == names.to_pylist()


def test_a_folder_of_the_shards_is_one_file_and_one_row_group_of_samples(
    derived: Derived, tmp_path: Path
) -> None:
    twice = max((task.paths for task in derived.samples), key=len)
    first = derived.samples[0]
    task = replace(first, paths=twice * 20, samples=replace(first.samples, url=str(tmp_path)))
    path = write_samples(task).path
    assert [part.num_rows for part in read_data_file(task.samples, path)] == [
        20 * sum(whole(task.pairs, part).num_rows for part in twice)
    ]


def test_a_row_holds_what_the_functions_say_of_its_own_bytes(derived: Derived) -> None:
    task = derived.heuristics[-1]
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


def test_samples_are_the_shards_and_heuristics_side_by_side_and_light(derived: Derived) -> None:
    readings_of = {task.path: write_heuristics(task).path for task in derived.heuristics}
    for task in derived.samples:
        path = write_samples(task).path
        samples = whole(task.samples, path)
        pairs = pa.concat_tables(whole(task.pairs, part) for part in task.paths)
        readings = pa.concat_tables(whole(task.heuristics, readings_of[p]) for p in task.paths)
        for name in SAMPLES.names:
            source = pairs if name in pairs.column_names else readings
            assert samples[name].to_pylist() == source[name].to_pylist(), name
        assert not {"audio", "midi", "clean_midi", "edits"} & set(samples.column_names)
        # Four rows are mostly footer; a hundred thousand would not be.
        size = (Path(task.samples.url) / path).stat().st_size
        of_pairs = sum((Path(task.pairs.url) / part).stat().st_size for part in task.paths)
        assert size < max(100_000, of_pairs / 20)


def test_samples_without_their_heuristics_are_told(derived: Derived, tmp_path: Path) -> None:
    task = derived.samples[0]
    elsewhere = {
        name: replace(getattr(task, name), url=str(tmp_path / name))
        for name in ("heuristics", "samples")
    }
    with pytest.raises(UserError, match=r"heuristics lacks .*materialise heuristics first") as told:
        write_samples(replace(task, **elsewhere))
    assert "\n" not in str(told.value)
    assert not any(tmp_path.rglob("*.parquet"))


def test_what_was_derived_is_not_derived_again(derived: Derived) -> None:
    folder = Path(derived.samples[0].heuristics.url).parent
    written = {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")}
    for part in derived.heuristics:
        write_heuristics(part)
    for task in derived.samples:
        write_samples(task)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")} == written


def test_readings_stand_one_a_row_for_quality(derived: Derived) -> None:
    samples = read_table(derived.samples[0].samples).to_table().to_pandas()
    long = long_readings(samples)
    assert len(long) == len(samples) * len(LABELING_FUNCTIONS)
    one = long[long["function"] == "MIDIVelocityRange"].set_index("sample_id")["value"]
    same = samples.set_index("sample_id")["MIDIVelocityRange_value"]
    assert one.equals(same.rename("value"))


def test_derived_tables_lie_in_an_object_store_too(derived: Derived, object_store: str) -> None:
    task = next(task for task in derived.heuristics if "tier=good" in task.path)
    moved = Table(
        url=f"{object_store}/heuristics", schema=HEURISTICS, partition_by=("tier", "year")
    )
    commit(moved, [write_heuristics(replace(task, heuristics=moved))])
    found = read_table(moved, tier="good").to_table()
    assert found["sample_id"].to_pylist() == whole(task.pairs, task.path)["sample_id"].to_pylist()
