"""Reads and validates the index of a MAESTRO root, keeps splits apart, and chooses entries.

Nothing here opens a MIDI file (`storage.performances` does). A row that cannot be used becomes
a `Fault` with its reason; a root that cannot be used at all is a UserError.
"""

import hashlib
import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from degradation.config_file import explain, read_mapping
from degradation.errors import UserError
from storage.root import Row, file_finder, find_index, is_hidden, read_rows

COLUMNS = (
    "canonical_composer", "canonical_title", "split", "year", "midi_filename", "audio_filename",
    "duration",
)  # fmt: skip
"""The columns of a MAESTRO CSV."""

SPLITS = ("train", "validation", "test")
"""From least to most held out."""

_NUMBER = re.compile(r"\b(bwv|hob|k)[kv]? ?([ivx]* ?\d+)\b")
"""Catalogues that number whole works. Opus, Deutsch and Searle numbers hold several pieces."""

LONGEST_S = 86_400.0
"""A day: a longer performance is an error, in the table or in its MIDI."""


class CorpusConfig(BaseModel):
    """`configs/corpus.yaml`: window and hop in seconds, how far durations may disagree, and the
    share of each split in a limited choice.

    Segments are named by their start in tenths of a second, so the hop is a multiple of that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    window_s: float = Field(gt=0)
    hop_s: float = Field(gt=0, multiple_of=0.1)
    duration_tolerance_s: float = Field(ge=0)
    split_shares: dict[str, float]

    @field_validator("split_shares")
    @classmethod
    def _share_out_everything(cls, shares: dict[str, float]) -> dict[str, float]:
        parts = shares.values()
        if set(shares) != set(SPLITS) or min(parts) <= 0 or not math.isclose(sum(parts), 1):
            raise ValueError(f"expected {', '.join(SPLITS)}, each above 0 and together 1")
        return shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the index that can be used. `audio_filename` is empty where there is none."""

    performance_id: str
    composer: str
    title: str
    composition: str
    split: str
    year: int
    midi_filename: str
    audio_filename: str
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that was left out: at which stage, which file or id, and why."""

    stage: str
    item: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The usable rows of a root, and the rest with its reasons."""

    entries: tuple[Entry, ...]
    faults: tuple[Fault, ...]


def load_corpus_config(path: Path) -> CorpusConfig:
    """Return the corpus's configuration. Raises UserError in one line."""
    values = read_mapping(path)
    try:
        return CorpusConfig.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{path} is not sound: {explain(error)}") from error


def read_index(root: Path) -> Index:
    """Return the rows of a root's CSV, each validated, and a composition in one split only.

    A root that has not one of the recordings that it names is MAESTRO's MIDI-only archive: its
    entries name none. Where some are there, a missing one is a fault (`storage.performances`).
    Raises UserError when the CSV is missing, unreadable, lacks a column or has no usable row.
    """
    path = find_index(root)
    columns, found = read_rows(path)
    if missing := [column for column in COLUMNS if column not in columns]:
        raise UserError(
            f"{path.name} lacks the columns {', '.join(missing)}; expected MAESTRO's: "
            f"{', '.join(COLUMNS)}"
        )
    entries: list[Entry] = []
    faults: list[Fault] = []
    seen: set[Path] = set()
    find = file_finder(root)
    for line, row in found:
        try:
            named = _named(row)
            sound = named | _find_files(root, named, find)
            seen.add(_sound_path(root, sound, seen))
            entries.append(_entry(sound, name=named["midi_filename"]))
        except _UnusableError as error:
            item = row["midi_filename"] or f"{path.name}, line {line}"
            faults.append(Fault(stage="index", item=item, reason=str(error)))
    kept, leaking = keep_apart(entries)
    if not kept:
        raise UserError(
            f"{path.name} has no usable row of {len(found)}; the first reason: "
            f"{faults[0].reason if faults else 'it is empty'}: restore it and its files"
        )
    if not any((root / e.audio_filename).is_file() for e in kept if e.audio_filename):
        kept = [replace(entry, audio_filename="") for entry in kept]
    return Index(entries=tuple(kept), faults=(*faults, *leaking))


def keep_apart(entries: Sequence[Entry]) -> tuple[list[Entry], list[Fault]]:
    """Return the entries with each work in one split, and those set aside for it.

    A work (composer and title, or composer and catalogue number) that is in several splits is
    kept in the most held-out of them. `storage.twins` compares the notes.
    """
    works: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        works[_work(entry)].append(entry)
    kept, faults = [], []
    for entry in entries:
        home = max(works[_work(entry)], key=lambda other: SPLITS.index(other.split))
        if entry.split == home.split:
            kept.append(entry)
        else:
            left = f"left out of {entry.split}; see {home.midi_filename}"
            reason = f"its composition is also in {home.split}: {left}"
            faults.append(Fault(stage="index", item=entry.midi_filename, reason=reason))
    return kept, faults


def choose(
    entries: Sequence[Entry], limit: int | None, split_shares: Mapping[str, float]
) -> list[Entry]:
    """Return `limit` entries (all, without a limit) spread over splits and years.

    The splits share them as `split_shares` says, as far as each has so many; inside a split
    the years take turns, and inside a year the order is that of a digest. A larger limit keeps
    what a smaller one chose.
    """
    if limit is None or limit >= len(entries):
        return list(entries)
    turns, by_year, by_split = [], Counter[tuple[str, int]](), Counter[str]()
    for entry in sorted(entries, key=lambda e: _digest(e.midi_filename)):
        year = (entry.split, entry.year)
        turns.append((by_year[year], _digest(f"{entry.split} {entry.year}"), entry))
        by_year[year] += 1
    queue = []
    for _, _, entry in sorted(turns, key=lambda turn: turn[:2]):
        place = by_split[entry.split] / split_shares[entry.split]
        queue.append((place, -SPLITS.index(entry.split), entry))
        by_split[entry.split] += 1
    return [entry for _, _, entry in sorted(queue, key=lambda queued: queued[:2])[:limit]]


def _work(entry: Entry) -> tuple[str, str]:
    """Return what names a work: its composer, and its catalogue numbers or else its title."""
    numbers = ["".join(found).replace(" ", "") for found in _NUMBER.findall(entry.composition)]
    return _plain(entry.composer), " ".join(numbers) or entry.composition


class _UnusableError(Exception):
    """Why a row of the CSV cannot be used."""


def _named(row: Row) -> dict[str, str]:
    """Return a row's columns, each with a text of composed letters."""
    if None in row:  # csv.DictReader puts what is beyond the last column there
        raise _UnusableError("it has more fields than the table has columns: quote the commas")
    if short := [column for column in COLUMNS if row[column] is None]:
        raise _UnusableError(f"it ends before its {short[0]}")
    named = {column: unicodedata.normalize("NFC", str(row[column]).strip()) for column in COLUMNS}
    return named | {"split": named["split"].casefold()}


def _find_files(root: Path, row: dict[str, str], find: Callable[[str], str]) -> dict[str, str]:
    """Return a row's files as they are called on disk, and inside the root whatever links say."""
    found = {}
    for column in ("midi_filename", "audio_filename"):
        try:
            found[column] = find(row[column]) if row[column] else ""
            path = (root / found[column]).resolve()
        # A name that is too long, holds a NUL, or goes round in links.
        except (OSError, ValueError, RuntimeError) as error:
            raise _UnusableError(f"{column} is no file's name ({error})") from error
        if not path.is_relative_to(root.resolve()):
            raise _UnusableError(f"{column} {row[column]!r} leaves the corpus root")
    return found


def _sound_path(root: Path, row: dict[str, str], seen: set[Path]) -> Path:
    """Return the path of a row's MIDI file. Raises _UnusableError when the row breaks a rule."""
    if row["split"] not in SPLITS:
        raise _UnusableError(f"split is {row['split']!r}; expected {', '.join(SPLITS)}")
    if not re.fullmatch("[0-9]{4}", row["year"]):
        raise _UnusableError(f"year is {row['year']!r}; expected four digits")
    if not 0 < _number(row["duration"]) < LONGEST_S:
        raise _UnusableError(f"duration is {row['duration']!r}; expected seconds, more than 0")
    path = (root / row["midi_filename"]).resolve()
    if is_hidden(row["midi_filename"]):
        raise _UnusableError("the MIDI file is hidden, as what systems leave beside files is")
    if path in seen:
        raise _UnusableError("its MIDI file is that of an earlier row")
    if not row["midi_filename"] or not path.is_file():
        raise _UnusableError("the MIDI file is missing")
    return path


def _entry(row: dict[str, str], name: str) -> Entry:
    """Return a row as an entry.

    Its id is made from the file's `name` in the table, so the spelling on disk does not matter.
    """
    composer, title = row["canonical_composer"], row["canonical_title"]
    surname = _slug(" ".join(composer.split("/")[0].split()[-1:]), 20)
    digest = _digest(PureWindowsPath(name).as_posix())[:6]
    return Entry(
        performance_id=f"{row['year']}-{surname}-{_slug(title, 40)}-{digest}",
        composer=composer,
        title=title,
        composition=_plain(f"{composer} {title}"),
        split=row["split"],
        year=int(row["year"]),
        midi_filename=row["midi_filename"],
        audio_filename=row["audio_filename"],
        duration_s=_number(row["duration"]),
    )


def _plain(text: str) -> str:
    """Return a name without case and punctuation."""
    return re.sub(r"\W+", " ", text.casefold()).strip()


def _number(text: str) -> float:
    """Return a number, with a decimal point or comma; NaN for any other text."""
    try:
        return float(re.sub(r"^(\d+),(\d+)$", r"\1.\2", text))
    except ValueError:
        return float("nan")


def _slug(words: str, length: int) -> str:
    ascii_words = words.encode("ascii", "ignore").decode().casefold()
    return re.sub(r"[^a-z0-9]+", "-", ascii_words).strip("-")[:length].strip("-") or "untitled"


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
