"""Tables derived from the shards, file by file: heuristics, and samples without the binaries."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd
import pyarrow as pa

from degradation.errors import UserError
from labeling.functions import LABELING_FUNCTIONS
from storage.audio import decode_audio
from storage.midi import read_midi
from storage.schema import HEURISTICS, SAMPLES
from storage.tables import (
    DataFile,
    Table,
    derive_data_file,
    derived_path,
    find_data_file,
    read_data_file,
    write_data_file,
)

HEURISTICS_VERSION = "h2"
"""In every data file's name: raise it when a labeling function gives other readings."""

SAMPLES_VERSION = f"s2{HEURISTICS_VERSION}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedTask:
    """One data file of the shards, and the tables derived from it."""

    pairs: Table
    heuristics: Table
    samples: Table
    path: str

    def __str__(self) -> str:
        return f"what follows from {self.pairs.url}/{self.path}"


def write_heuristics(task: DerivedTask) -> DataFile:
    """Apply the nine labeling functions to every row of one data file of the shards."""
    return derive_data_file(task.pairs, task.path, task.heuristics, HEURISTICS_VERSION, read_rows)


def read_rows(rows: pa.Table) -> pa.Table:
    """Return the reading of each labeling function for rows of the shards."""
    found = []
    columns = ["sample_id", "tier", "year", "midi", "audio", "duration_s"]
    for row in rows.select(columns).to_pylist():
        played = read_midi(row["midi"]["bytes"], row["midi"]["path"])
        # A MIDI file ends with its last event; the window goes on.
        performance = replace(played, duration_s=row["duration_s"])
        waveform = decode_audio(row["audio"]["bytes"], row["audio"]["path"])
        about = {name: row[name] for name in ("sample_id", "tier", "year")}
        for function in LABELING_FUNCTIONS:
            reading = function(performance, waveform)
            about |= {
                f"{function.name}_value": reading.value,
                f"{function.name}_score": reading.score,
                f"{function.name}_abstention": reading.abstention,
            }
        found.append(about)
    return pa.Table.from_pylist(found, schema=HEURISTICS)


def write_samples(task: DerivedTask) -> DataFile:
    """Join one data file of the shards with its heuristics, without the binaries.

    Raises UserError when the heuristics of that file were not made yet.
    """
    path = derived_path(task.path, SAMPLES_VERSION)
    if found := find_data_file(task.samples, path):
        return found
    return write_data_file(task.samples, path, _side_by_side(task))


def _side_by_side(task: DerivedTask) -> Iterator[pa.Table]:
    light = [name for name in SAMPLES.names if name in task.pairs.schema.names]
    readings_path = derived_path(task.path, HEURISTICS_VERSION)
    if find_data_file(task.heuristics, readings_path) is None:
        raise UserError(
            f"heuristics lacks the part {readings_path} of the pairs; expected one a part: "
            "materialise heuristics first"
        )
    heuristics = read_data_file(task.heuristics, readings_path)
    pairs = read_data_file(task.pairs, task.path, light)
    for rows, readings in zip(pairs, heuristics, strict=True):
        yield pa.table({n: (rows if n in light else readings)[n] for n in SAMPLES.names})


def long_readings(samples: pd.DataFrame) -> pd.DataFrame:
    """Return the heuristics of the samples table one row a sample and function, as
    `labeling.quality` takes them.
    """
    about = ["sample_id", "segment_id", "composition", "tier", "year", "split"]
    return pd.concat(
        [
            samples[about].assign(
                function=function.name,
                value=samples[f"{function.name}_value"],
                score=samples[f"{function.name}_score"],
                abstention=samples[f"{function.name}_abstention"],
            )
            for function in LABELING_FUNCTIONS
        ],
        ignore_index=True,
    )
