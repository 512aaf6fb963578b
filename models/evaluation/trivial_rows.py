"""Trivial statistics of rows of the shards: of what is heard, and of the same playing dry."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.compute as pc

from degradation.render import Instrument
from labeling.scores import DIMENSIONS
from models.evaluation.trivial_statistics import playing_statistics, recording_statistics
from storage.audio import encode_flac
from storage.midi import read_midi
from storage.remeasure import dry_sound
from storage.tables import Table, read_table

READ_COLUMNS = (
    *("sample_id", "segment_id", "performance_id", "composition", "tier", "duration_s", "start_s"),
    *("audio_source", "audio_filename", "seed", "midi", "audio", *DIMENSIONS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsTask:
    """Rows of one year of the shards, for one worker.

    `instrument` is that of the dry rendering, one for all rows: were it each row's own, a tier
    that had an instrument to itself would not show.
    """

    pairs: Table
    year: int
    sample_ids: tuple[str, ...]
    instrument: Instrument
    corpus_root: Path


def read_statistics(task: StatisticsTask) -> pd.DataFrame:
    """Return one row a sample: its names and scores, and `heard_…`, `dry_…` and `notes_…`.

    `heard` and `dry` are the statistics of `RECORDING`: of the row's own file, and of its
    playing with nothing done to the sound. `notes` are those of `PLAYING`.
    """
    wanted = (pc.field("year") == task.year) & pc.field("sample_id").isin(task.sample_ids)
    batches = read_table(task.pairs).to_batches(columns=list(READ_COLUMNS), filter=wanted)
    return pd.DataFrame([found for batch in batches for found in _measure(batch, task)])


def _measure(batch: Any, task: StatisticsTask) -> Iterator[dict[str, Any]]:
    for row in batch.to_pylist():
        name, audio, midi = row["sample_id"], row["audio"]["bytes"], row["midi"]["bytes"]
        # Encoded and decoded like the row's own: rounding to 16 bits is noise too.
        dry = encode_flac(dry_sound(row, task.instrument, task.corpus_root))
        played = read_midi(midi, name)
        performance = replace(played, duration_s=row["duration_s"])
        yield {
            **{column: row[column] for column in ("sample_id", "composition", "tier", *DIMENSIONS)},
            **_named("heard", recording_statistics(audio, name)),
            **_named("dry", recording_statistics(dry, name)),
            **_named("notes", playing_statistics(performance, midi)),
        }


def _named(kind: str, statistics: dict[str, float]) -> dict[str, float]:
    return {f"{kind}_{name}": value for name, value in statistics.items()}
