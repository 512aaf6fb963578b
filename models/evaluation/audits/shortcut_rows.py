"""Statistics of rows of the shards for the shortcut audit."""

import functools
import operator
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.compute as pc

from degradation.render import Instrument
from labeling.scores import DIMENSIONS
from models.evaluation.audits.shortcut_statistics import (
    drawn_statistics,
    playing_statistics,
    recording_statistics,
)
from storage.audio import encode_flac
from storage.midi import read_midi
from storage.tables import Table, read_table
from storage.verify import dry_sound

READ_COLUMNS = (
    *("sample_id", "segment_id", "performance_id", "composition", "tier", "duration_s", "start_s"),
    *("audio_source", "audio_filename", "seed", "midi", "audio", *DIMENSIONS),
    "recording_quality",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsTask:
    """Rows of one partition of the shards, for one worker.

    `instrument` is that of all dry renderings: with each row's own, the control would know it too.
    """

    pairs: Table
    tier: str
    year: int
    sample_ids: tuple[str, ...]
    instrument: Instrument
    corpus_root: Path

    def __str__(self) -> str:
        first, last = self.sample_ids[0], self.sample_ids[-1]
        return f"statistics of {first} to {last} ({self.tier}, {self.year})"


def read_statistics(task: StatisticsTask) -> pd.DataFrame:
    """Return one row a sample: its names and scores, and the statistics of each of `SETS`.

    They are named `recording_…`, `dry_…`, `notes_…` and, in factored recipes alone, `drawn_…`.
    """
    return pd.DataFrame([_measure(row, task) for row in _rows(task)])


def _rows(task: StatisticsTask) -> Iterator[dict[str, Any]]:
    """Yield a task's rows, reading the row groups that may hold them, one at a time."""
    # Arrow skips row groups by equality; by `isin` it would read them all.
    named = [pc.field("sample_id") == sample_id for sample_id in task.sample_ids]
    wanted = functools.reduce(operator.or_, named)
    partition = read_table(task.pairs, None, tier=task.tier, year=str(task.year))
    for part in partition.get_fragments(wanted):
        for group in part.split_by_row_group(wanted):
            yield from group.to_table(columns=list(READ_COLUMNS), filter=wanted).to_pylist()


def _measure(row: dict[str, Any], task: StatisticsTask) -> dict[str, Any]:
    name, audio, midi = row["sample_id"], row["audio"]["bytes"], row["midi"]["bytes"]
    # Encoded and decoded like the row's own: rounding to 16 bits is noise too.
    dry = encode_flac(dry_sound(row, task.instrument, task.corpus_root))
    performance = replace(read_midi(midi, name), duration_s=row["duration_s"])
    drawn = row["recording_quality"]
    return {
        **{column: row[column] for column in ("sample_id", "composition", "tier", *DIMENSIONS)},
        **_named("recording", recording_statistics(audio, name)),
        **(_named("drawn", drawn_statistics(drawn)) if drawn else {}),
        **_named("dry", recording_statistics(dry, name)),
        **_named("notes", playing_statistics(performance, midi)),
    }


def _named(kind: str, statistics: dict[str, float]) -> dict[str, float]:
    return {f"{kind}_{name}": value for name, value in statistics.items()}
