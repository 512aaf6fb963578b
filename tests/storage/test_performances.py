import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pretty_midi
import pytest
import soundfile

from degradation.notes import Performance
from storage.corpus import Entry, read_index
from storage.midi import read_midi, write_midi
from storage.performances import (
    PerformancesTask,
    load_performances,
    plan_performances,
    quarantine_performances,
    write_performances,
)
from storage.schema import PERFORMANCES, QUARANTINE
from storage.tables import Table, commit, read_data_file, read_table

Row = dict[str, str]
WriteRoot = Callable[..., Path]
Plan = Callable[..., list[PerformancesTask]]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    performances = Table(
        url=str(tmp_path / "performances"), schema=PERFORMANCES, partition_by=("year",)
    )
    quarantine = Table(url=str(tmp_path / "left-out"), schema=QUARANTINE, partition_by=("stage",))

    def planned(root: Path, entries: tuple[Entry, ...] | None = None) -> list[PerformancesTask]:
        return plan_performances(
            performances, quarantine, root, entries or read_index(root).entries, 10.0
        )

    return planned


def left_out(tasks: list[PerformancesTask]) -> dict[str, str]:
    """What the tasks put into quarantine: reasons by file."""
    found: dict[str, str] = {}
    for task in tasks:
        for group in read_data_file(task.quarantine, write_performances(task)[1].path):
            found |= {row["item"]: row["reason"] for row in group.to_pylist()}
    return found


def recordings(tasks: list[PerformancesTask]) -> dict[str, str]:
    """The performances that the tasks kept, each with its recording, in the table's order."""
    columns = ["midi_filename", "audio_filename"]
    return {
        row["midi_filename"]: row["audio_filename"]
        for task in tasks
        for group in read_data_file(task.table, write_performances(task)[0].path, columns)
        for row in group.to_pylist()
    }


def kept(tasks: list[PerformancesTask]) -> list[str]:
    return list(recordings(tasks))


def test_tasks_hold_every_entry_once_and_one_year_each(demo_root: Path, plan: Plan) -> None:
    entries = read_index(demo_root).entries
    tasks = plan(demo_root)
    assert sorted(e.midi_filename for task in tasks for e in task.entries) == sorted(
        e.midi_filename for e in entries
    )
    assert all(len({e.year for e in task.entries}) == 1 for task in tasks)
    assert max(len(task.entries) for task in tasks) == 8


def test_notes_and_pedal_are_kept_exactly(demo_root: Path, corpus_tables: dict[str, Table]) -> None:
    music = load_performances(corpus_tables["performances"], 2021)
    entries = [entry for entry in read_index(demo_root).entries if entry.year == 2021]
    assert set(music) == {entry.performance_id for entry in entries}
    for entry in entries:
        data = (demo_root / entry.midi_filename).read_bytes()
        played = read_midi(data, entry.midi_filename)
        assert np.array_equal(music[entry.performance_id].notes, played.notes)
        assert np.array_equal(music[entry.performance_id].pedal, played.pedal)


def test_a_row_names_the_bytes_that_it_came_from(
    demo_root: Path, corpus_tables: dict[str, Table]
) -> None:
    rows = read_table(corpus_tables["performances"]).to_table(
        columns=["midi_filename", "midi_sha256"]
    )
    for row in rows.to_pylist():
        data = (demo_root / row["midi_filename"]).read_bytes()
        assert row["midi_sha256"] == hashlib.sha256(data).hexdigest()


def test_what_is_no_piano_is_left_out_and_told_in_the_row(
    write_root: WriteRoot, demo_rows: list[Row], plan: Plan
) -> None:
    root = write_root([row | {"audio_filename": ""} for row in demo_rows])
    path = root / demo_rows[0]["midi_filename"]
    played = read_midi(path.read_bytes(), path.name)
    song = pretty_midi.PrettyMIDI(str(path))
    song.instruments.append(pretty_midi.Instrument(program=0, is_drum=True))
    song.instruments[-1].notes.append(pretty_midi.Note(velocity=9, pitch=40, start=0.0, end=1.0))
    song.write(str(path))
    rows = [
        row
        for task in plan(root)
        for group in read_data_file(task.table, write_performances(task)[0].path)
        for row in group.select(["midi_filename", "left_out", "notes"]).to_pylist()
    ]
    told = {row["midi_filename"]: row["left_out"] for row in rows if row["left_out"]}
    assert told == {demo_rows[0]["midi_filename"]: ["1 note of drums (channel 10) left out"]}
    (changed,) = (row for row in rows if row["left_out"])
    assert len(changed["notes"]) == len(played.notes)


def test_what_cannot_be_used_is_quarantined_and_the_rest_goes_on(
    write_root: WriteRoot,
    demo_rows: list[Row],
    plan: Plan,
    random_performance: Callable[..., Performance],
) -> None:
    root = write_root([row | {"audio_filename": ""} for row in demo_rows])
    names = [row["midi_filename"] for row in demo_rows]
    sound = (root / names[0]).read_bytes()
    whistle = pretty_midi.Instrument(program=0)
    whistle.notes.append(pretty_midi.Note(velocity=64, pitch=120, start=0.0, end=1.0))
    no_piano = pretty_midi.PrettyMIDI()
    no_piano.instruments.append(whistle)
    (root / names[0]).write_bytes(sound[: len(sound) // 2])
    (root / names[1]).write_bytes(b"")
    (root / names[2]).write_bytes(b"dear diary\n" * 50)
    no_piano.write(str(root / names[3]))
    (root / names[4]).write_bytes(write_midi(random_performance(2, duration_s=10.0)))
    tasks = plan(root)
    (root / names[5]).unlink()  # gone between the index and the reading
    reasons = left_out(tasks)
    assert set(reasons) == set(names[:6])
    assert sorted([*kept(tasks), *reasons]) == sorted(names)
    for name, expected in zip(
        names,
        (
            "cannot be read as MIDI",
            "cannot be read as MIDI",
            "cannot be read as MIDI",
            "1 note outside the piano's keys",
            "expected them to agree within 10 s",
            "cannot be read (No such file or directory)",
        ),
        strict=False,
    ):
        assert expected in reasons[name]
        assert "\n" not in reasons[name]


def test_performances_that_cannot_be_read_are_left_out_and_tried_again(
    demo_root: Path, plan: Plan
) -> None:
    task = plan(demo_root)[0]
    made, left_out_file = quarantine_performances(task, "its worker died")
    [rows] = [group.to_pylist() for group in read_data_file(task.quarantine, left_out_file.path)]
    assert [row["item"] for row in rows] == [entry.midi_filename for entry in task.entries]
    assert made.rows == 0
    assert sorted(kept([task])) == sorted(entry.midi_filename for entry in task.entries)


def test_a_recording_that_cannot_be_used_is_told_once_and_its_music_kept(
    write_root: WriteRoot, demo_rows: list[Row], plan: Plan
) -> None:
    chosen = [row | {"audio_filename": f"{number}.wav"} for number, row in enumerate(demo_rows[:5])]
    root = write_root(chosen)
    length = [round(float(row["duration"]) * 4000) for row in chosen]
    soundfile.write(root / "0.wav", np.zeros(length[0]), 4000)
    soundfile.write(root / "1.wav", np.zeros((length[1], 9)), 4000)
    soundfile.write(root / "2.wav", np.zeros(length[2] // 3), 4000)
    (root / "3.wav").write_bytes(b"RIFF and then nothing")
    tasks = plan(root)
    reasons = left_out(tasks)
    assert set(reasons) == {"1.wav", "2.wav", "3.wav", "4.wav"}
    assert "9 channels" in reasons["1.wav"]
    assert "the audio lasts" in reasons["2.wav"]
    assert "3.wav cannot be read as audio" in reasons["3.wav"]
    assert "the audio file is missing" in reasons["4.wav"]
    assert sum(write_performances(task)[1].rows for task in tasks) == 4
    assert recordings(tasks) == {
        row["midi_filename"]: "0.wav" if row is chosen[0] else "" for row in chosen
    }


def test_a_recording_is_told_even_when_its_midi_is_no_good(
    write_root: WriteRoot, demo_rows: list[Row], plan: Plan
) -> None:
    chosen = [row | {"audio_filename": f"{number}.wav"} for number, row in enumerate(demo_rows[:2])]
    root = write_root(chosen)
    (root / "0.wav").write_bytes(b"not sound")
    (root / chosen[0]["midi_filename"]).write_bytes(b"not music")
    assert set(left_out(plan(root))) == {chosen[0]["midi_filename"], "0.wav", "1.wav"}


def test_a_root_of_midi_alone_has_no_faults(
    write_root: WriteRoot, demo_rows: list[Row], plan: Plan
) -> None:
    tasks = plan(write_root([row | {"audio_filename": "gone.wav"} for row in demo_rows[:3]]))
    assert left_out(tasks) == {}
    assert set(recordings(tasks).values()) == {""}


def test_a_recording_that_appears_later_is_taken_up(
    write_root: WriteRoot, demo_rows: list[Row], plan: Plan
) -> None:
    chosen = [row | {"audio_filename": f"{number}.wav"} for number, row in enumerate(demo_rows[:2])]
    root = write_root(chosen)
    found = []
    for row in chosen:
        found.append(recordings(plan(root)))
        samples = np.zeros(round(float(row["duration"]) * 4000))
        soundfile.write(root / row["audio_filename"], samples, 4000)
    found.append(recordings(plan(root)))
    assert [list(named.values()) for named in found] == [
        ["", ""],
        ["0.wav", ""],
        ["0.wav", "1.wav"],
    ]


def test_what_was_read_is_found_again_and_not_parsed_twice(
    write_root: WriteRoot, demo_rows: list[Row], plan: Plan
) -> None:
    root = write_root(demo_rows)
    before = [write_performances(task) for task in plan(root)]
    written = {path: path.stat().st_mtime_ns for path in root.parent.rglob("*.parquet")}
    assert [write_performances(task) for task in plan(root)] == before
    assert {path: path.stat().st_mtime_ns for path in root.parent.rglob("*.parquet")} == written


def test_a_file_that_was_mended_is_read_again(
    write_root: WriteRoot, demo_rows: list[Row], plan: Plan
) -> None:
    row = demo_rows[0] | {"audio_filename": "a.wav"}
    root = write_root([row])
    midi = root / row["midi_filename"]
    sound = midi.read_bytes()
    midi.write_bytes(sound[:-30])
    soundfile.write(root / "a.wav", np.zeros(4000), 4000)
    assert "cannot be read as MIDI" in left_out(plan(root))[row["midi_filename"]]
    midi.write_bytes(sound)
    assert "the audio lasts 1.0 s" in left_out(plan(root))["a.wav"]
    soundfile.write(root / "a.wav", np.zeros(round(float(row["duration"]) * 4000)), 4000)
    assert left_out(plan(root)) == {}
    assert kept(plan(root)) == [row["midi_filename"]]


def test_a_year_without_usable_music_has_no_rows(
    write_root: WriteRoot, demo_rows: list[Row], plan: Plan
) -> None:
    root = write_root(demo_rows[:1])
    (root / demo_rows[0]["midi_filename"]).write_bytes(b"")
    (task,) = plan(root)
    made, left_out = write_performances(task)
    assert (made.rows, left_out.rows) == (0, 1)
    commit(task.table, [made])
    assert load_performances(task.table, task.entries[0].year) == {}


@pytest.mark.real_data
def test_a_few_of_maestro_are_all_usable(real_data: Path, plan: Plan) -> None:
    root = real_data / "maestro-v3.0.0"
    tasks = plan(root, read_index(root).entries[::90])
    assert left_out(tasks) == {}
    for task in tasks:
        part, _ = write_performances(task)
        commit(task.table, [part], {"year": str(task.entries[0].year)})
    for task in tasks:
        for entry in task.entries:
            found = load_performances(task.table, entry.year)[entry.performance_id]
            assert abs(found.duration_s - entry.duration_s) < 10


@pytest.mark.real_data
def test_recorded_performances_agree_with_their_table(real_data: Path, plan: Plan) -> None:
    root = real_data / "maps-recorded"
    tasks = plan(root)
    assert left_out(tasks) == {}
    assert len(kept(tasks)) == 6
