"""Tables derived from the shards: heuristics file by file, samples without the binaries."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import groupby

import pandas as pd
import pyarrow as pa

from degradation.errors import UserError
from labeling.functions import LABELING_FUNCTIONS
from storage.audio import decode_audio
from storage.derive import derive_data_file, derived_path
from storage.midi import read_midi
from storage.schema import HEURISTICS, SAMPLES
from storage.tables import DataFile, Table, find_data_file, read_data_file, write_data_file

HEURISTICS_VERSION = "h2"
"""In every data file's name: raise it when a labeling function gives other readings."""

SAMPLES_VERSION = f"s3{HEURISTICS_VERSION}"

SAMPLES_GROUP_ROWS = 8192
"""Rows a row group of the samples, whose rows are small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeuristicsTask:
    """One data file of the shards, and the table of its heuristics."""

    pairs: Table
    heuristics: Table
    path: str

    def __str__(self) -> str:
        return f"what follows from {self.pairs.url}/{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplesTask:
    """The data files of one folder of the shards, and the tables derived from them."""

    pairs: Table
    heuristics: Table
    samples: Table
    paths: tuple[str, ...]

    def __str__(self) -> str:
        return f"what follows from {self.pairs.url}/{self.paths[0].rpartition('/')[0]}"


def write_heuristics(task: HeuristicsTask) -> DataFile:
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


def by_folder(paths: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the paths of data files, which are sorted, folder by folder."""
    return [tuple(held) for _, held in groupby(paths, key=lambda path: path.rpartition("/")[0])]


def folder_path(paths: Sequence[str]) -> str:
    """Return the path of a file that stands for all files of a folder of the shards."""
    folder = paths[0].rpartition("/")[0]
    digest = sha256("\n".join(sorted(paths)).encode()).hexdigest()[:16]
    return f"{folder}/{digest}.parquet"


def samples_path(paths: Sequence[str]) -> str:
    """Return the path of the samples that follow from all files of a folder of the shards."""
    return derived_path(folder_path(paths), SAMPLES_VERSION)


def write_samples(task: SamplesTask) -> DataFile:
    """Join the data files of a folder of the shards with their heuristics, without the binaries.

    They become one file: a query of thousands would spend its time on opening them. Raises
    UserError when the heuristics of a file were not made yet.
    """
    path = samples_path(task.paths)
    if found := find_data_file(task.samples, path):
        return found
    groups = [group for part in task.paths for group in _side_by_side(task, part)]
    return write_data_file(
        task.samples, path, [pa.concat_tables(groups)], group_rows=SAMPLES_GROUP_ROWS
    )


def _side_by_side(task: SamplesTask, path: str) -> Iterator[pa.Table]:
    light = [name for name in SAMPLES.names if name in task.pairs.schema.names]
    readings_path = derived_path(path, HEURISTICS_VERSION)
    if find_data_file(task.heuristics, readings_path) is None:
        raise UserError(
            f"heuristics lacks the part {readings_path} of the pairs; expected one a part: "
            "materialise heuristics first"
        )
    heuristics = read_data_file(task.heuristics, readings_path)
    pairs = read_data_file(task.pairs, path, light)
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
