"""Data files that follow from others, file by file; their names say from what, and how."""

from collections.abc import Callable

import pyarrow as pa

from storage.tables import DataFile, Table, find_data_file, read_data_file, write_data_file


def derived_path(source_path: str, version: str) -> str:
    """Return the path of a file derived from another: its name with `version` appended."""
    return f"{source_path.removesuffix('.parquet')}-{version}.parquet"


def derive_data_file(
    source: Table,
    source_path: str,
    target: Table,
    version: str,
    derive: Callable[[pa.Table], pa.Table],
) -> DataFile:
    """Make the file of `target` derived from one file of `source`, row group by row group."""
    path = derived_path(source_path, version)
    if found := find_data_file(target, path):
        return found
    return write_data_file(
        target, path, (derive(group) for group in read_data_file(source, source_path))
    )
