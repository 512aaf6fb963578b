"""Deletes the files of a table that its newest versions do not need."""

import time
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.fs

from degradation.errors import UserError
from storage.files import filesystem, storage_error
from storage.tables import Table, data_file_rows, open_table

UNCOMMITTED_S = 3600.0
"""How long a data file may wait for its commit: younger uncommitted files are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freed:
    """How many files were removed, and their bytes."""

    files: int
    size: int


def vacuum(table: Table, keep_versions: int) -> Freed:
    """Remove the data files that none of the newest `keep_versions` versions of a table has.

    Uncommitted and incomplete (`.tmp`) files of killed writers are removed once they are an hour
    old. Don't call it while a run, a training or a reader of an older version is active: a run may
    be about to commit a file again that is removed here. Older versions stay in the log but can
    no longer be read.

    Delta Lake's own vacuum keeps `.tmp` files at the top of a table, removes files that are about
    to be committed, and adds two versions each time, which then count as the newest.
    Raises UserError when the table is not there or cannot be reached.
    """
    if keep_versions < 1:
        raise UserError(
            f"keep_versions must be at least 1, the newest version; got {keep_versions}"
        )
    newest = open_table(table)
    versions = [int(commit["version"]) for commit in newest.history(keep_versions)]
    needed = {path for version in versions for path in data_file_rows(table, version)}
    replaced = set(newest.vacuum(dry_run=True, retention_hours=0, enforce_retention_duration=False))
    files, root = filesystem(table.url)
    freed = []
    try:
        for file in files.get_file_info(pyarrow.fs.FileSelector(root, recursive=True)):
            path = file.path.removeprefix(root).lstrip("/")
            is_data_file = path.endswith((".parquet", ".tmp"))
            if path in needed or path.startswith("_delta_log/") or not is_data_file:
                continue
            if path in replaced or time.time() - file.mtime_ns / 1e9 > UNCOMMITTED_S:
                files.delete_file(file.path)
                freed.append(file.size)
    except (OSError, pa.ArrowInvalid) as error:
        raise storage_error("vacuum", table.url, error) from error
    return Freed(files=len(freed), size=sum(freed))
