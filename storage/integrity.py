"""Checks data files as they lie in the store: bytes, columns, rows, media, and rows made again.

Nothing is changed. A file is read row group by row group, so that memory does not grow.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq

from degradation.counted import counted
from degradation.errors import UserError
from degradation.seeds import stream
from storage.audio import decode_audio, encode_flac
from storage.checksum import KEY, is_intact
from storage.files import filesystem
from storage.midi import read_midi, write_midi
from storage.replay import replay
from storage.tables import MEDIA_COLUMNS, DataFile, Table

_ARROW_SCHEMA = b"ARROW:schema"

MISSING = "it is missing"
NO_SOURCE = "no pairs are its source"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTask:
    """A data file as its table's log names it, and the places of rows to make again.

    `root` is the corpus root, which rows with recorded audio need.
    """

    table: Table
    file: DataFile
    replayed: tuple[int, ...] = ()
    root: Path | None = None

    def __str__(self) -> str:
        return f"{self.table.url}/{self.file.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """What is wrong with a file, and whether it has a checksum of its own.

    `damaged` says that its bytes must not be read any further.
    """

    faults: tuple[str, ...] = ()
    sealed: bool = True
    damaged: bool = False


def sample_rows(files: Collection[DataFile], rows: int, seed: int) -> dict[str, tuple[int, ...]]:
    """Return the places of some rows, drawn from all files, by the path of the file."""
    total = sum(file.rows for file in files)
    drawn = stream(seed, "rows to replay").choice(total, min(rows, total), replace=False)
    found, first = {}, 0
    for file in files:
        inside = drawn[(drawn >= first) & (drawn < first + file.rows)]
        found[file.path] = tuple(sorted(int(place) - first for place in inside))
        first += file.rows
    return found


def check_file(task: FileTask) -> FileReport:
    """Check one data file: its bytes and columns, and in pairs each row's media."""
    files, root = filesystem(task.table.url)
    place, logged = f"{root}/{task.file.path}", task.file
    about = files.get_file_info(place)
    if about.type != pyarrow.fs.FileType.File:
        return FileReport(faults=(MISSING,), damaged=True)
    if about.size != logged.size:
        reason = f"it has {about.size:,} bytes; expected {logged.size:,}, as the log says"
        return FileReport(faults=(reason,), damaged=True)
    try:
        with files.open_input_file(place) as file:
            intact = is_intact(file)
        if intact is False:
            return FileReport(faults=("its bytes have changed (checksum)",), damaged=True)
        with pq.ParquetFile(place, filesystem=files, page_checksum_verification=True) as file:
            faults = [*_shape_faults(file, task, bool(intact)), *_row_faults(file, task)]
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        return FileReport(faults=(f"it cannot be read ({reason})",), damaged=True)
    return FileReport(faults=tuple(faults), sealed=bool(intact))


def unpaired(
    pairs: Mapping[str, int | None], derived: Mapping[str, int]
) -> Iterator[tuple[str, str]]:
    """Yield the files of a derived table, by path, that do not follow from those of the pairs.

    Both arguments are rows by path, None where they are not known. A derived file has its source's
    name, with a version behind; that of the samples is `storage.derived.folder_path`.
    """
    left = dict(derived)
    of_source = {_source_path(path): path for path in derived}
    for path, rows in pairs.items():
        found = of_source.get(path.removesuffix(".parquet"))
        if found is None:
            yield path, "nothing was derived from these pairs"
        elif (got := left.pop(found)) != rows and rows is not None:
            yield found, f"it has {got} rows; expected {rows}, as many as its pairs"
    for path in left:
        yield path, NO_SOURCE


def _source_path(derived_path: str) -> str:
    path = PurePosixPath(derived_path)
    return str(path.with_name(path.stem.rpartition("-")[0]))


def _shape_faults(file: pq.ParquetFile, task: FileTask, sealed: bool) -> Iterator[str]:
    """Yield what is wrong with a file's columns, footer entries and number of rows."""
    wanted, found = task.table.schema, file.schema_arrow
    if not found.equals(wanted):
        ours, its = ({one.name: one.type for one in each} for each in (wanted, found))
        differing = [name for name in {**ours, **its} if ours.get(name) != its.get(name)]
        names = ", ".join(differing) or "their order"
        yield f"its columns are not the table's; expected {len(wanted)}: see {names}"
    known = {_ARROW_SCHEMA, *(wanted.metadata or {}), *([KEY.encode()] if sealed else [])}
    if strange := set(file.metadata.metadata or {}) - known:
        yield f"its footer has changed: it names {sorted(strange)}"
    if file.metadata.num_rows != task.file.rows:
        rows = counted(file.metadata.num_rows, "row")
        yield f"it has {rows}; expected {task.file.rows}, as the log says"


def _row_faults(file: pq.ParquetFile, task: FileTask) -> Iterator[str]:
    """Read all rows; yield what is wrong with those that hold media."""
    holds_media = set(MEDIA_COLUMNS) <= set(file.schema_arrow.names)
    first = 0
    for number in range(file.num_row_groups):
        group = file.read_row_group(number)
        for place in range(len(group)) if holds_media else ():
            row = group.slice(place, 1).to_pylist()[0]
            try:
                _check_media(row)
                if first + place in task.replayed:
                    _check_replay(row, task.root)
            except UserError as error:
                yield f"row {row['sample_id']}: {error}"
        first += len(group)


def _check_media(row: dict[str, Any]) -> None:
    """Raise UserError for MIDI that does not parse, or audio that is not as the row says."""
    for name in ("midi", "clean_midi"):
        read_midi(row[name]["bytes"], name)
    sound = decode_audio(row["audio"]["bytes"], "its audio")
    rate_hz = json.loads(row["instrument"])["sample_rate_hz"]
    wanted = round(row["duration_s"] * rate_hz)
    if (sound.sample_rate_hz, len(sound.samples)) != (rate_hz, wanted):
        raise UserError(
            f"its audio has {len(sound.samples)} samples at {sound.sample_rate_hz} Hz; expected "
            f"{wanted} at {rate_hz} Hz"
        )


def _check_replay(row: dict[str, Any], root: Path | None) -> None:
    """Raise UserError for a row whose MIDI and audio are not made again byte for byte."""
    made = replay(row, root)
    again = {"midi": write_midi(made.degraded), "audio": encode_flac(made.sound)}
    if differing := [name for name, data in again.items() if data != row[name]["bytes"]]:
        raise UserError(
            f"replay gives other bytes of {' and '.join(differing)}; expected the same, by the "
            "FluidSynth and libsndfile of constraints.txt"
        )
