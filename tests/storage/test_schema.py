import io
from pathlib import Path

import datasets  # type: ignore[import-untyped]
import duckdb
import numpy as np
import pandas as pd
import pretty_midi
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from labeling.damage import Damage
from storage.columns import read_edits, read_performance
from storage.data_dictionary import data_dictionary
from storage.midi import read_midi
from storage.schema import TABLES
from storage.tables import Table, data_file_rows, read_table

DICTIONARY = Path(__file__).parents[2] / "docs" / "data-dictionary.md"


@pytest.fixture(scope="module")
def part(shards: Table) -> Path:
    """The largest part of the shards: 40 poor rows."""
    rows = data_file_rows(shards)
    return Path(shards.url) / max(rows, key=lambda path: rows[path])


@pytest.fixture(scope="module")
def rows(part: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = pq.read_table(part, partitioning=None).to_pylist()
    return found


def without_media(row: dict[str, object]) -> dict[str, object]:
    return {
        name: value for name, value in row.items() if name not in ("audio", "midi", "clean_midi")
    }


def plain(value: object) -> object:
    """Arrays of pandas and numpy as lists, so that values can be compared."""
    if isinstance(value, np.ndarray | list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value.item() if isinstance(value, np.generic) else value


@pytest.mark.parametrize("name", TABLES)
def test_every_column_is_described(name: str) -> None:
    purpose, schema = TABLES[name]
    assert purpose.endswith(".")
    assert len(set(schema.names)) == len(schema.names)
    for field in schema:
        assert field.metadata[b"description"].decode().endswith("."), field.name


def test_the_dictionary_is_that_of_the_schemas() -> None:
    assert DICTIONARY.read_text(encoding="utf-8") == data_dictionary(), (
        "write it again: python -m storage.data_dictionary > docs/data-dictionary.md"
    )
    for name, (_, schema) in TABLES.items():
        section = data_dictionary().split(f"\n## {name}\n")[1].split("\n## ")[0]
        listed = [line.split("|")[1].strip() for line in section.splitlines() if "|" in line][2:]
        assert listed == schema.names


def test_the_light_table_has_no_binaries() -> None:
    assert not [
        field.name
        for field in TABLES["samples"][1]
        if pa.types.is_nested(field.type) and field.name not in ("strengths", "recording_quality")
    ]
    assert not [field.name for field in TABLES["samples"][1] if pa.types.is_binary(field.type)]


def test_row_groups_hold_at_most_32_rows_and_media_are_stored_as_they_are(part: Path) -> None:
    about = pq.ParquetFile(part).metadata
    assert [about.row_group(n).num_rows for n in range(about.num_row_groups)] == [32, 8]
    group = about.row_group(0)
    columns = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
    assert columns["audio.bytes"].compression == "UNCOMPRESSED"
    assert columns["edits.list.element.onset_shift_s"].compression == "ZSTD"
    assert not columns["audio.bytes"].is_stats_set
    assert columns["sample_id"].is_stats_set


def test_pandas_reads_a_part(part: Path, rows: list[dict[str, object]]) -> None:
    frame = pd.read_parquet(part, partitioning=None)
    assert len(frame) == len(rows)
    for row, expected in zip(frame.to_dict("records"), rows, strict=True):
        for name, value in expected.items():
            if value is not None:
                assert plain(row[name]) == value, name


def test_duckdb_reads_a_part(part: Path, rows: list[dict[str, object]]) -> None:
    connection = duckdb.connect()
    cursor = connection.execute(f"select * from read_parquet('{part}', hive_partitioning = false)")
    names = [about[0] for about in cursor.description]
    assert [dict(zip(names, row, strict=True)) for row in cursor.fetchall()] == rows
    moved = connection.execute(
        "select sample_id, count(*) from (select sample_id, unnest(edits, recursive := true) "
        f"from read_parquet('{part}')) where operation = 'onset_jitter' group by 1 order by 1"
    ).fetchall()
    assert moved == [
        (row["sample_id"], sum(e["operation"] == "onset_jitter" for e in row["edits"]))  # type: ignore[attr-defined]
        for row in rows
    ]


def test_hugging_face_datasets_reads_parts_offline(
    shards: Table, part: Path, rows: list[dict[str, object]],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    files = [str(Path(shards.url) / path) for path in data_file_rows(shards)]
    every = datasets.load_dataset(
        "parquet", data_files=files, split="train", cache_dir=str(tmp_path)
    )
    assert isinstance(every.features["audio"], datasets.Audio)
    assert len(every) == sum(data_file_rows(shards).values())
    stored = every.cast_column("audio", datasets.Audio(decode=False))
    by_id = {row["sample_id"]: row for row in stored}
    for row in rows:
        found = by_id[row["sample_id"]]
        assert without_media(found) == without_media(row)
        assert found["audio"]["bytes"] == row["audio"]["bytes"]  # type: ignore[index]
        assert found["midi"] == row["midi"]
    samples, rate_hz = soundfile.read(io.BytesIO(by_id[rows[0]["sample_id"]]["audio"]["bytes"]))
    assert (len(samples), rate_hz) == (240_000, 24_000)


def test_audio_and_midi_play_straight_from_a_row(rows: list[dict[str, object]]) -> None:
    for row in rows[:4]:
        audio, midi = row["audio"], row["midi"]
        assert isinstance(audio, dict)
        assert isinstance(midi, dict)
        samples, rate_hz = soundfile.read(io.BytesIO(audio["bytes"]))
        assert (samples.shape, rate_hz) == ((240_000,), 24_000)
        assert np.abs(samples).max() > 0.01
        loaded = pretty_midi.PrettyMIDI(io.BytesIO(midi["bytes"]))
        assert sum(len(i.notes) for i in loaded.instruments) == row["note_count"]
        assert audio["path"] == f"{row['sample_id']}.flac"


def test_nested_columns_are_notes_pedal_and_edits_again(
    shards: Table, corpus_tables: dict[str, Table], rows: list[dict[str, object]]
) -> None:
    performances = read_table(corpus_tables["performances"]).to_table(columns=["notes", "pedal"])
    performance = read_performance(performances["notes"][0], performances["pedal"][0])
    assert len(performance.notes) > 10
    assert len(performance.pedal) > 0
    row = rows[0]
    clean, damaged = (read_midi(row[m]["bytes"], m) for m in ("clean_midi", "midi"))  # type: ignore[index]
    (jitter,) = read_edits(["onset_jitter"], row["edits"], row["pedal_edits"])  # type: ignore[arg-type]
    assert set(jitter.notes["note_id"]) <= set(clean.notes["note_id"])
    assert len(damaged.notes) == len(clean.notes)


def test_every_measure_of_damage_is_a_column() -> None:
    assert set(Damage.__slots__) <= set(TABLES["pairs"][1].names)
    assert set(Damage.__slots__) <= set(TABLES["samples"][1].names)
