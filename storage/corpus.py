"""A MAESTRO root's index: read, validated, kept free of leaks, and chosen from.

Nothing here opens a MIDI file (`storage.performances` does). A row that cannot be used becomes
a `Fault` with its reason; a root that cannot be used at all is a UserError.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from degradation.errors import UserError
from degradation.recipe import explain

COLUMNS = (
    "canonical_composer",
    "canonical_title",
    "split",
    "year",
    "midi_filename",
    "audio_filename",
    "duration",
)
"""The columns of a MAESTRO CSV."""

SPLITS = ("train", "validation", "test")
"""From least to most held out."""

SPLIT_SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}
"""What a limited choice aims at: a few dozen performances need more held out than MAESTRO's 25 %."""


class CorpusConfig(BaseModel):
    """`configs/corpus.yaml`: window and hop in seconds, and how far durations may disagree."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    window_s: float = Field(gt=0)
    hop_s: float = Field(gt=0)
    duration_tolerance_s: float = Field(ge=0)


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
    try:
        return CorpusConfig(**yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError, TypeError) as error:
        reason = explain(error) if isinstance(error, ValidationError | TypeError) else error
        raise UserError(f"{path} is not sound: {reason}") from error


def find_index(root: Path) -> Path:
    """Return a root's one CSV file. Raises UserError when the root has none, or several."""
    if not root.is_dir():
        raise UserError(f"corpus root {root} is no folder; expected an unpacked MAESTRO archive")
    found = sorted(root.glob("*.csv"))
    if len(found) != 1:
        raise UserError(
            f"corpus root {root} has {len(found)} CSV files at its top; expected one, such as "
            "maestro-v3.0.0.csv: name the folder that holds it"
        )
    return found[0]


def read_index(root: Path) -> Index:
    """Return the rows of a root's CSV, each validated, and a composition in one split only.

    Raises UserError when the CSV is missing, unreadable, lacks a column or has no usable row.
    """
    path = find_index(root)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path.name} cannot be read as CSV ({reason}): restore it") from error
    if missing := [column for column in COLUMNS if column not in table.columns]:
        raise UserError(
            f"{path.name} lacks the columns {', '.join(missing)}; expected MAESTRO's: "
            f"{', '.join(COLUMNS)}"
        )
    entries: list[Entry] = []
    faults: list[Fault] = []
    seen: set[str] = set()
    for row in table[list(COLUMNS)].to_dict("records"):
        named = {str(column): str(value).strip() for column, value in row.items()}
        reason = find_row_fault(root, named, seen)
        if reason:
            item = named["midi_filename"] or "(no midi_filename)"
            faults.append(Fault(stage="index", item=item, reason=reason))
        else:
            seen.add(named["midi_filename"])
            entries.append(_entry(named))
    kept, leaking = keep_apart(entries)
    if not kept:
        raise UserError(
            f"{path.name} has no usable row of {len(table)}; the first reason: "
            f"{faults[0].reason if faults else 'it is empty'}"
        )
    return Index(entries=tuple(kept), faults=(*faults, *leaking))


def find_row_fault(root: Path, row: dict[str, str], seen: set[str]) -> str | None:
    """Return why a row of the CSV cannot be used, or None."""
    if row["split"] not in SPLITS:
        return f"split is {row['split']!r}; expected {', '.join(SPLITS)}"
    if not re.fullmatch(r"\d{4}", row["year"]):
        return f"year is {row['year']!r}; expected four digits"
    try:
        duration_s = float(row["duration"])
    except ValueError:
        duration_s = float("nan")
    if not 0 < duration_s < 86_400:
        return f"duration is {row['duration']!r}; expected seconds, more than 0"
    if row["midi_filename"] in seen:
        return "midi_filename occurs twice"
    for column in ("midi_filename", "audio_filename"):
        name = row[column]
        if name and not _inside(root, name):
            return f"{column} {name!r} leaves the corpus root"
    if not row["midi_filename"] or not (root / row["midi_filename"]).is_file():
        return "the MIDI file is missing"
    return None


def keep_apart(entries: Sequence[Entry]) -> tuple[list[Entry], list[Fault]]:
    """Return the entries with each composition in one split, and those set aside for it.

    The rule: a composition (composer and title, without case and punctuation) that stands in
    several splits is kept in the most held-out of them (test, then validation, then train).
    """
    splits: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        splits[entry.composition].add(entry.split)
    kept, faults = [], []
    for entry in entries:
        home = max(splits[entry.composition], key=SPLITS.index)
        if entry.split == home:
            kept.append(entry)
        else:
            reason = f"its composition is also in {home}: left out of {entry.split}"
            faults.append(Fault(stage="index", item=entry.midi_filename, reason=reason))
    return kept, faults


def choose(entries: Sequence[Entry], limit: int | None) -> list[Entry]:
    """Return `limit` entries (all, without a limit) spread over splits and years.

    The splits share them as `SPLIT_SHARES` says; inside a split the years take turns, and
    inside a year the order is that of a digest, so a larger limit keeps a smaller one's choice
    of each split.
    """
    if limit is None or limit >= len(entries):
        return list(entries)
    by_split = {split: _by_turns([e for e in entries if e.split == split]) for split in SPLITS}
    held_out = {
        split: min(len(by_split[split]), max(1, round(limit * SPLIT_SHARES[split])))
        for split in ("validation", "test")
    }
    wanted = {"train": max(1, limit - sum(held_out.values())), **held_out}
    chosen = [entry for split in SPLITS for entry in by_split[split][: wanted[split]]]
    return chosen[:limit]


def _by_turns(entries: Sequence[Entry]) -> list[Entry]:
    by_year: dict[int, list[Entry]] = defaultdict(list)
    for entry in sorted(entries, key=lambda e: _digest(e.midi_filename)):
        by_year[entry.year].append(entry)
    turn = {
        entry.midi_filename: (place, _digest(f"{entry.split} {year}"))
        for year, queue in by_year.items()
        for place, entry in enumerate(queue)
    }
    return sorted(entries, key=lambda entry: turn[entry.midi_filename])


def _entry(row: dict[str, str]) -> Entry:
    composer, title = row["canonical_composer"], row["canonical_title"]
    name = "-".join(
        [row["year"], _slug(composer.split("/")[0].split()[-1:], 20), _slug([title], 40)]
    )
    return Entry(
        performance_id=f"{name}-{_digest(row['midi_filename'])[:6]}",
        composer=composer,
        title=title,
        composition=re.sub(r"\W+", " ", f"{composer} {title}".casefold()).strip(),
        split=row["split"],
        year=int(row["year"]),
        midi_filename=row["midi_filename"],
        audio_filename=row["audio_filename"],
        duration_s=float(row["duration"]),
    )


def _inside(root: Path, name: str) -> bool:
    return (root / name).resolve().is_relative_to(root.resolve())


def _slug(words: Sequence[str], length: int) -> str:
    ascii_words = " ".join(words).encode("ascii", "ignore").decode().casefold()
    return re.sub(r"[^a-z0-9]+", "-", ascii_words).strip("-")[:length].strip("-") or "untitled"


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
