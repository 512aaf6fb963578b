import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from degradation.errors import UserError
from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, cut_window
from storage.columns import NOTES, PEDAL, list_column
from storage.corpus import CorpusConfig
from storage.performances import load_performances
from storage.schema import PERFORMANCES, SEGMENTS
from storage.segments import cut_segments, window_starts, write_segments
from storage.tables import Table, commit, data_file_path, read_table, write_data_file


def performance_row(onsets_s: list[float], duration_s: float, number: int = 0) -> pa.Table:
    notes = np.zeros(len(onsets_s), dtype=NOTE_DTYPE)
    notes["onset_s"] = onsets_s
    texts = {
        field.name: [f"{field.name}{number}"] for field in PERFORMANCES if field.type == "string"
    }
    columns = texts | {
        "year": [2004],
        "duration_s": [duration_s],
        "notes": list_column([notes], NOTES),
        "pedal": list_column([np.zeros(0, dtype=PEDAL_DTYPE)], PEDAL),
    }
    columns["left_out"] = [[]]
    return pa.table({name: columns[name] for name in PERFORMANCES.names}).cast(PERFORMANCES)


@pytest.mark.parametrize(
    ("duration_s", "starts"),
    [(9.99, []), (10.0, [0]), (14.99, [0]), (15.0, [0, 5]), (31.0, [0, 5, 10, 15, 20])],
)
def test_windows_end_inside_the_performance(
    corpus_config: CorpusConfig, duration_s: float, starts: list[float]
) -> None:
    assert window_starts(duration_s, corpus_config) == starts


def test_windows_without_a_note_and_short_performances_are_left_out_by_name(
    corpus_config: CorpusConfig,
) -> None:
    table = pa.concat_tables(
        [performance_row([1.0, 12.0, 41.0], 50.0), performance_row([1.0], 8.0, number=1)]
    )
    segments, faults = cut_segments(table, corpus_config)
    assert segments["start_s"].to_pylist() == [0, 5, 10, 35, 40]
    assert segments["note_count"].to_pylist() == [1, 1, 1, 1, 1]
    assert [(f.item, f.reason) for f in faults] == [
        ("performance_id0-0015.0s", "no note is struck in this window"),
        ("performance_id0-0020.0s", "no note is struck in this window"),
        ("performance_id0-0025.0s", "no note is struck in this window"),
        ("performance_id0-0030.0s", "no note is struck in this window"),
        ("performance_id1", "it lasts 8.0 s, less than one window of 10 s"),
    ]


def test_segments_count_the_notes_that_their_window_has(corpus_tables: dict[str, Table]) -> None:
    segments = read_table(corpus_tables["segments"]).to_table()
    assert segments.schema.names == SEGMENTS.names
    assert len(set(segments["segment_id"].to_pylist())) == len(segments)
    music = load_performances(corpus_tables["performances"], 2021)
    for row in [row for row in segments.to_pylist() if row["year"] == 2021][::7]:
        window = cut_window(music[row["performance_id"]], row["start_s"], row["duration_s"])
        assert len(window.notes) == row["note_count"] > 0


def test_the_same_performances_give_the_same_part(
    corpus_tables: dict[str, Table], corpus_config: CorpusConfig, tmp_path: Path
) -> None:
    table = Table(url=str(tmp_path / "segments"), schema=SEGMENTS)
    first, _ = write_segments(table, corpus_tables["performances"], corpus_config)
    again, _ = write_segments(table, corpus_tables["performances"], corpus_config)
    assert first == again
    other = corpus_config.model_copy(update={"hop_s": 2.5})
    assert write_segments(table, corpus_tables["performances"], other)[0].path != first.path


def test_a_corpus_without_one_segment_is_told(corpus_config: CorpusConfig, tmp_path: Path) -> None:
    performances = Table(url=str(tmp_path / "performances"), schema=PERFORMANCES)
    segments = Table(url=str(tmp_path / "segments"), schema=SEGMENTS)
    for name, rows, reason in (
        ("none", PERFORMANCES.empty_table(), "no performance could be used"),
        ("short", performance_row([1.0], 8.0), "less than one window of 10 s"),
    ):
        part = write_data_file(performances, data_file_path(performances, {}, name), [rows])
        commit(performances, [part])
        with pytest.raises(UserError, match=rf"gives no segment of 10 s; .*{reason}"):
            write_segments(segments, performances, corpus_config)


@pytest.mark.real_data
def test_maestro_has_as_many_windows_as_published(
    real_data: Path, corpus_config: CorpusConfig
) -> None:
    windows: Counter[str] = Counter()
    with (real_data / "maestro-v3.0.0" / "maestro-v3.0.0.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            windows[row["split"]] += len(window_starts(float(row["duration"]), corpus_config))
    assert windows.total() == 141_118
    assert windows["train"] == 113_211
