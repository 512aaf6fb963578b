"""Segments: the windows that performances are cut into."""

import hashlib

import numpy as np
import pyarrow as pa

from degradation.errors import UserError
from storage.corpus import CorpusConfig, Fault
from storage.schema import SEGMENTS
from storage.tables import (
    DataFile,
    Table,
    data_file_path,
    data_file_rows,
    find_data_file,
    read_data_file,
    write_data_file,
)

COPIED = (
    "performance_id", "composer", "title", "composition", "split", "year",
    "midi_filename", "audio_filename",
)  # fmt: skip


DIGEST_ROWS = 4096


def window_starts(duration_s: float, config: CorpusConfig) -> list[float]:
    """Return where the windows of a performance begin; the last one ends inside it."""
    last = int(np.floor((duration_s - config.window_s) / config.hop_s + 1e-9))
    return [number * config.hop_s for number in range(last + 1)]


def cut_segments(performances: pa.Table, config: CorpusConfig) -> tuple[pa.Table, list[Fault]]:
    """Return the segments of performances, and the windows and performances left out.

    A window in which no note is struck is left out, and so is a performance too short for one.
    """
    rows: list[dict[str, object]] = []
    faults: list[Fault] = []
    for row in performances.to_batches(max_chunksize=1):
        performance = row.select([*COPIED, "duration_s"]).to_pylist()[0]
        onset_s = row["notes"][0].values.field("onset_s").to_numpy()
        starts = window_starts(performance["duration_s"], config)
        if not starts:
            length_s, item = performance["duration_s"], performance["performance_id"]
            reason = f"it lasts {length_s:.1f} s, less than one window of {config.window_s:g} s"
            faults.append(Fault(stage="segments", item=item, reason=reason))
        for start_s in starts:
            segment_id = f"{performance['performance_id']}-{start_s:06.1f}s"
            first, stop = np.searchsorted(onset_s, [start_s, start_s + config.window_s])
            if first == stop:
                reason = "no note is struck in this window"
                faults.append(Fault(stage="segments", item=segment_id, reason=reason))
                continue
            about = {"segment_id": segment_id, "start_s": start_s, "duration_s": config.window_s}
            rows.append(performance | about | {"note_count": int(stop - first)})
    return pa.Table.from_pylist(rows, schema=SEGMENTS), faults


def _digest(rows: pa.Table) -> str:
    """Return a digest of the rows as CSV, of which a few at a time are in memory."""
    digest, frame = hashlib.sha256(), rows.to_pandas()
    for first in range(0, len(frame), DIGEST_ROWS):
        csv = frame.iloc[first : first + DIGEST_ROWS].to_csv(header=not first)
        digest.update(csv.encode())
    return digest.hexdigest()[:16]


def write_segments(
    table: Table, performances: Table, config: CorpusConfig
) -> tuple[DataFile, list[Fault]]:
    """Write the segments of all performances as one data file. UserError when there is none."""
    groups, faults = [SEGMENTS.empty_table()], []
    columns = [*COPIED, "duration_s", "notes.list.element.onset_s"]
    for path in data_file_rows(performances):
        for group in read_data_file(performances, path, columns):
            segments, left_out = cut_segments(group, config)
            groups.append(segments)
            faults += left_out
    joined = pa.concat_tables(groups).sort_by("segment_id")
    if not len(joined):
        reason = faults[0].reason if faults else "no performance could be used"
        raise UserError(
            f"the corpus gives no segment of {config.window_s:g} s; the first reason: {reason}: "
            "see the quarantine table, and choose another corpus or a shorter window"
        )
    path = data_file_path(table, {}, _digest(joined))
    return find_data_file(table, path) or write_data_file(table, path, [joined]), faults
