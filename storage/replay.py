"""One row of the shards, found by name, made again and written out for a person."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from degradation.errors import UserError
from storage.audio import encode_flac
from storage.files import whole_file
from storage.midi import write_midi
from storage.pairs import replay
from storage.tables import MEDIA_COLUMNS, Table, read_table, table_exists


def find_row(tables: Sequence[Table], sample_id: str) -> dict[str, Any]:
    """Return the row of a sample from whichever table has it. Raises UserError when none has."""
    there = [table for table in tables if table_exists(table)]
    for table in there:
        found = read_table(table).to_table(filter=pc.field("sample_id") == sample_id)
        if len(found):
            row: dict[str, Any] = found.to_pylist()[0]
            return row
    raise UserError(
        f"no sample is called {sample_id!r} in {len(there)} tables of pairs; find one with "
        '`pianograde query "select sample_id from samples limit 5"`'
    )


def write_replay(row: dict[str, Any], root: Path, folder: Path) -> list[Path]:
    """Write a row's files, made again, into `folder`; return their paths.

    Raises UserError when they are not the bytes that the row holds, or cannot be written.
    """
    made = replay(row, root)
    midi, flac = write_midi(made.degraded), encode_flac(made.sound)
    if midi != row["midi"]["bytes"] or flac != row["audio"]["bytes"]:
        raise UserError(
            f"{row['sample_id']} was not made again byte for byte; expected the FluidSynth and "
            "libsndfile that made it: use the versions of constraints.txt, or read the row's own "
            "audio and midi"
        )
    about = {name: value for name, value in row.items() if name not in MEDIA_COLUMNS}
    files = {
        "degraded.mid": midi,
        "degraded.flac": flac,
        "clean.mid": write_midi(made.clean),
        "clean.flac": encode_flac(made.clean_sound),
        "provenance.json": json.dumps(about, indent=2, ensure_ascii=False).encode(),
    }
    for name, data in files.items():
        with whole_file(str(folder), name) as file:
            file.write(data)
    return [folder / name for name in files]
