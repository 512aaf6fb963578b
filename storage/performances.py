"""Reads the MIDI files of a corpus, checks them against its index, and stores their notes."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path

import pyarrow as pa

from degradation.errors import UserError
from degradation.notes import Performance
from storage.columns import NOTES, PEDAL, list_column, read_performance
from storage.corpus import Entry, Fault
from storage.midi import PianoMusic, read_piano
from storage.recordings import audio_duration_s
from storage.schema import PERFORMANCES, QUARANTINE
from storage.tables import (
    DataFile,
    Table,
    data_file_path,
    find_data_file,
    read_table,
    write_data_file,
)

VERSION = "4"
"""In the digest of every data file: raise it to read all performances again."""

TASK_PERFORMANCES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformancesTask:
    """A few performances of one year, which one worker reads into one data file."""

    table: Table
    quarantine: Table
    root: Path
    entries: tuple[Entry, ...]
    duration_tolerance_s: float

    def __str__(self) -> str:
        return f"performances {', '.join(entry.midi_filename for entry in self.entries)}"


def plan_performances(
    table: Table,
    quarantine: Table,
    root: Path,
    entries: Sequence[Entry],
    duration_tolerance_s: float,
) -> list[PerformancesTask]:
    """Return tasks of a few performances each, no year mixed with another."""
    in_order = sorted(entries, key=lambda entry: (entry.year, entry.performance_id))
    by_year = [list(of_year) for _, of_year in groupby(in_order, lambda entry: entry.year)]
    return [
        PerformancesTask(
            table=table,
            quarantine=quarantine,
            root=root,
            entries=tuple(of_year[first : first + TASK_PERFORMANCES]),
            duration_tolerance_s=duration_tolerance_s,
        )
        for of_year in by_year
        for first in range(0, len(of_year), TASK_PERFORMANCES)
    ]


def write_performances(task: PerformancesTask) -> tuple[DataFile, DataFile]:
    """Read a task's MIDI files into one data file, and unusable files into one of the quarantine.

    A performance with an unusable recording is kept without one, because it can be rendered. The
    data file's name is a digest of the MIDI bytes and of what is wrong with the recordings, so a
    file is parsed once, and again after it was repaired.
    """
    sources = [_source(task, entry) for entry in task.entries]
    about = [VERSION, str(task.duration_tolerance_s), *map(repr, task.entries)]
    about += [str((source.sha256, source.fault, source.audio_fault)) for source in sources]
    name = hashlib.sha256("\n".join(about).encode()).hexdigest()[:16]
    path = data_file_path(task.table, {"year": str(task.entries[0].year)}, name)
    left_out_path = data_file_path(task.quarantine, {"stage": "performances"}, name)
    found = find_data_file(task.table, path)
    left_out = find_data_file(task.quarantine, left_out_path)
    if found and left_out:
        return found, left_out

    kept: list[tuple[Entry, str, PianoMusic]] = []
    faults: list[Fault] = []
    for entry, source in zip(task.entries, sources, strict=True):
        if source.audio_fault:
            faults.append(_fault(entry.audio_filename, source.audio_fault))
            entry = replace(entry, audio_filename="")
        try:
            if source.fault:
                raise UserError(source.fault)
            music = read_piano(source.midi, entry.midi_filename)
            length_s = music.performance.duration_s
            _check_length("MIDI", length_s, entry, task.duration_tolerance_s)
            kept.append((entry, source.sha256, music))
        except UserError as error:
            faults.append(_fault(entry.midi_filename, str(error)))
    left_out = write_data_file(task.quarantine, left_out_path, [fault_rows(faults)])
    return write_data_file(task.table, path, [_rows(kept)]), left_out


def quarantine_performances(task: PerformancesTask, reason: str) -> tuple[DataFile, DataFile]:
    """Write a task's performances into the quarantine, and a data file without rows.

    Their names are their own, so that the next run tries again.
    """
    faults = [_fault(entry.midi_filename, reason) for entry in task.entries]
    name = f"not-{hashlib.sha256(repr((faults, task.entries)).encode()).hexdigest()[:16]}"
    path = data_file_path(task.table, {"year": str(task.entries[0].year)}, name)
    left_out_path = data_file_path(task.quarantine, {"stage": "performances"}, name)
    left_out = write_data_file(task.quarantine, left_out_path, [fault_rows(faults)])
    return write_data_file(task.table, path, [_rows([])]), left_out


def fault_rows(faults: Sequence[Fault]) -> pa.Table:
    """Return faults as rows of the quarantine table."""
    return pa.Table.from_pylist([asdict(fault) for fault in faults], schema=QUARANTINE)


def load_performances(table: Table, year: int) -> dict[str, Performance]:
    """Return the performances of one year by id."""
    rows = read_table(table, year=str(year)).to_table(columns=["performance_id", "notes", "pedal"])
    return {
        performance_id.as_py(): read_performance(notes, pedal)
        for performance_id, notes, pedal in zip(*rows.columns, strict=True)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """The MIDI bytes of one performance, and the faults of its files.

    A fault is empty where the file is sound, or there is no recording.
    """

    midi: bytes
    sha256: str
    fault: str
    audio_fault: str


def _source(task: PerformancesTask, entry: Entry) -> _Source:
    midi, fault = b"", ""
    try:
        midi = (task.root / entry.midi_filename).read_bytes()
    except OSError as error:  # gone or locked since the index was read
        fault = f"{entry.midi_filename} cannot be read ({error.strerror})"
    sha256, audio_fault = hashlib.sha256(midi).hexdigest(), _audio_fault(task, entry)
    return _Source(midi=midi, sha256=sha256, fault=fault, audio_fault=audio_fault)


def _audio_fault(task: PerformancesTask, entry: Entry) -> str:
    path = task.root / entry.audio_filename
    if not entry.audio_filename:
        return ""
    if not os.path.isfile(path):  # unlike Path.is_file, False without permission
        return "the audio file is missing, while others of its corpus are there: restore it"
    try:
        _check_length("audio", audio_duration_s(path), entry, task.duration_tolerance_s)
    except UserError as error:
        return str(error)
    return ""


def _check_length(kind: str, length_s: float, entry: Entry, tolerance_s: float) -> None:
    if abs(length_s - entry.duration_s) > tolerance_s:
        raise UserError(
            f"the CSV says {entry.duration_s:.1f} s, the {kind} lasts {length_s:.1f} s; "
            f"expected them to agree within {tolerance_s:g} s: the files don't belong "
            "together, or are cut short"
        )


def _fault(item: str, reason: str) -> Fault:
    return Fault(stage="performances", item=item, reason=reason)


def _rows(kept: Sequence[tuple[Entry, str, PianoMusic]]) -> pa.Table:
    columns = {
        name: [getattr(entry, name) for entry, _, _ in kept]
        for name in PERFORMANCES.names
        if name not in ("midi_sha256", "left_out", "notes", "pedal")
    }
    columns["midi_sha256"] = [digest for _, digest, _ in kept]
    columns["left_out"] = [list(music.left_out) for _, _, music in kept]
    columns["notes"] = list_column([music.performance.notes for _, _, music in kept], NOTES)
    columns["pedal"] = list_column([music.performance.pedal for _, _, music in kept], PEDAL)
    return pa.table(columns).select(PERFORMANCES.names).cast(PERFORMANCES)
