"""Reads recordings rated by teachers: a folder of MIDI files and a table, `ratings.csv`.

The layout is that of Expert-Novice (Jiang 2023): a row a recording with `file`, a path from the
folder, `piece`, and a column for each teacher whose name begins with `teacher`, with a rating or
nothing in it. Other columns are not read.
"""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from degradation.errors import UserError
from degradation.notes import Performance
from storage.corpus import Fault
from storage.midi import read_midi

RATINGS_FILE = "ratings.csv"
TEACHER = "teacher"

FEWEST_RECORDINGS = 8
"""With fewer no correlation is shown."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RatedRecording:
    """A recording, and each teacher's rating of it, (teachers,); NaN where there is none."""

    stem: str
    piece: str
    performance: Performance
    ratings: NDArray[np.float64]

    @property
    def maestro_midi(self) -> None:
        """None: it was cut from no MAESTRO file."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RatedRecordings:
    """A folder's recordings with ratings, its teachers, and the rows that cannot be used."""

    recordings: tuple[RatedRecording, ...]
    teachers: tuple[str, ...]
    faults: tuple[Fault, ...]


def read_teachers(folder: Path) -> RatedRecordings:
    """Return a folder's rated recordings.

    A row whose file cannot be read, or that nobody rated, is a fault. Raises UserError for a
    missing or unusable table, and where fewer than `FEWEST_RECORDINGS` can be used.
    """
    path = folder / RATINGS_FILE
    if not path.is_file():
        raise UserError(
            f"{path} was not found; expected a table with the columns file, piece and "
            f"{TEACHER}1, {TEACHER}2, ... beside the MIDI files"
        )
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        columns = rows.fieldnames or []
        teachers = tuple(name for name in columns if name.startswith(TEACHER))
        if missing := [name for name in ("file", "piece") if name not in columns]:
            raise UserError(f"{path} lacks the columns {', '.join(missing)}: add them")
        if not teachers:
            raise UserError(
                f"{path} has no column whose name begins with {TEACHER}; got {', '.join(columns)}"
            )
        found: list[RatedRecording] = []
        faults: list[Fault] = []
        for row in rows:
            try:
                found.append(_recording(folder, row, teachers))
            except UserError as error:
                faults.append(Fault(stage="teachers", item=row["file"] or "", reason=str(error)))
    if len(found) < FEWEST_RECORDINGS:
        why = f"; the first reason: {faults[0].reason}" if faults else ""
        raise UserError(
            f"{path} gives {len(found)} rated recordings that can be read; expected "
            f"{FEWEST_RECORDINGS} or more{why}"
        )
    return RatedRecordings(recordings=tuple(found), teachers=teachers, faults=tuple(faults))


def _recording(folder: Path, row: dict[str, str], teachers: tuple[str, ...]) -> RatedRecording:
    name = row["file"] or ""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{name} lies outside the folder; expected a path from the folder on")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{name} cannot be read: {error.strerror}") from error
    ratings = np.array([_rating(row[teacher] or "", name) for teacher in teachers])
    if np.isnan(ratings).all():
        raise UserError(f"{name} has no rating; expected one of {', '.join(teachers)}")
    performance = read_midi(data, name)
    return RatedRecording(
        stem=name, piece=row["piece"] or "", performance=performance, ratings=ratings
    )


def _rating(text: str, name: str) -> float:
    try:
        rating = float(text) if text.strip() else math.nan
    except ValueError:
        rating = math.inf
    if math.isinf(rating):
        raise UserError(f"{name} is rated {text!r}; expected a number or nothing")
    return rating
