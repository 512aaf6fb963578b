"""Delta tables: workers write data files, the driver commits a partition in one transaction.

A data file's name is a digest of what it is made from, so a file that exists is not made again:
this is how a killed run resumes. Readers see one version of a table, never half a partition.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.fs
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from degradation.errors import UserError
from storage import checksum
from storage.columns import leaf_columns
from storage.files import DELTA_RETRIES, filesystem, storage_error, whole_file

ROW_GROUP_ROWS = 32
"""Rows a row group: one sample with its audio is read in a few milliseconds."""

COMMIT_ATTEMPTS = 20

MEDIA_COLUMNS = ("audio", "midi", "clean_midi")
"""Columns that hold whole files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Where a table lies (a `file:` or `s3:` URL), its columns, its partitions, who makes it."""

    url: str
    schema: pa.Schema
    partition_by: tuple[str, ...] = ()
    way_out: str = "make it first"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """A Parquet file of a table: its path inside the table, its bytes and its rows."""

    path: str
    size: int
    rows: int


def data_file_path(table: Table, partition: Mapping[str, str], name: str) -> str:
    """Return the path of a data file inside its table, Hive style."""
    folders = [f"{column}={partition[column]}" for column in table.partition_by]
    return "/".join([*folders, f"{name}.parquet"])


def partition_of(path: str) -> dict[str, str]:
    """Return the partition of a data file's path: value by column (see `data_file_path`)."""
    folders = path.split("/")[:-1]
    return {column: value for column, _, value in (folder.partition("=") for folder in folders)}


def find_data_file(table: Table, path: str) -> DataFile | None:
    """Return a data file that exists and is complete, or None.

    Raises UserError for a store out of reach.
    """
    files, root = filesystem(table.url)
    try:
        about = files.get_file_info(f"{root}/{path}")
        if about.type != pyarrow.fs.FileType.File:
            return None
        rows = pq.read_metadata(f"{root}/{path}", filesystem=files).num_rows
    except pa.ArrowInvalid:  # truncated, e.g. by a power failure: it is made again
        return None
    except OSError as error:
        raise storage_error("read", f"{root}/{path}", error) from error
    return DataFile(path=path, size=about.size, rows=rows)


def write_data_file(
    table: Table, path: str, groups: Iterable[pa.Table], *, group_rows: int = ROW_GROUP_ROWS
) -> DataFile:
    """Write a data file from groups of rows; it appears whole or not at all.

    Media columns are stored uncompressed and without dictionaries and statistics, which would
    cost time for nothing. Partition columns are stored in the file, too, so that it can be read
    alone. Pages have checksums, which readers can verify, and so has the file (`checksum.py`).
    Raises UserError when the disk is full.
    """
    schema, rows = table.schema, 0
    options = {
        "compression": {
            leaf: "NONE" if field.name in MEDIA_COLUMNS else "ZSTD"
            for field in schema
            for leaf in leaf_columns(field)
        },
        "use_dictionary": [field.name for field in schema if pa.types.is_string(field.type)],
        "write_statistics": [field.name for field in schema if not pa.types.is_nested(field.type)],
    }
    with whole_file(table.url, path) as file:
        with pq.ParquetWriter(file, schema, write_page_checksum=True, **options) as writer:
            for group in groups:
                writer.write_table(group.cast(schema), row_group_size=group_rows)
                rows += len(group)
            writer.add_key_value_metadata({checksum.KEY: checksum.BLANK})
        checksum.seal(file)
        size = file.tell()
    return DataFile(path=path, size=size, rows=rows)


def commit(
    table: Table,
    parts: Sequence[DataFile],
    partition: Mapping[str, str] | None = None,
    why: str = "",
) -> int:
    """Replace the files of a partition (or of the table) by `parts`; return the table's version.

    The version is labelled with what it changed, and `why` (`storage.changes` reads both).
    One transaction; nothing is committed when the partition has exactly these files already.
    Raises UserError when the log cannot be written or the table has other columns.
    """
    for attempt in range(COMMIT_ATTEMPTS):
        try:
            opened = _open_or_create(table)
            changes = _changes(opened, table, parts, partition or {})
            if not changes:
                return int(opened.version())
            opened.create_write_transaction(
                changes,
                "append",
                table.schema,
                partition_by=list(table.partition_by),
                commit_properties=_label(changes, partition or {}, why),
            )
            # Round again: another writer may have put its own parts beside these.
        except CommitFailedError:
            time.sleep(0.02 * (attempt + 1))
        except (OSError, DeltaError) as error:
            raise storage_error("commit to", table.url, error) from error
    raise UserError(
        f"table {table.url} could not be committed in {COMMIT_ATTEMPTS} attempts; expected fewer "
        "writers at once: run again, finished parts are kept"
    )


def open_table(table: Table, version: int | None = None) -> DeltaTable:
    """Return a version of a table, the newest by default. Raises UserError when it's not there."""
    name = table.url.rsplit("/", 1)[-1]
    try:
        newest = DeltaTable(table.url, storage_options=DELTA_RETRIES)
        if version is not None and version > newest.version():
            raise UserError(f"{name} has no version {version}; expected 0 to {newest.version()}")
        if version is not None and version < newest.version():
            newest.load_as_version(version)
        return newest
    except TableNotFoundError as error:
        reason = f"table {name!r} is not there ({table.url}); expected one"
        raise UserError(f"{reason}: {table.way_out}") from error
    except (OSError, DeltaError) as error:
        wanted = table.url if version is None else f"version {version} of {table.url}"
        raise storage_error("open", wanted, error) from error


def table_exists(table: Table) -> bool:
    """Return whether anything was ever committed. Raises UserError for a store out of reach."""
    try:
        return bool(DeltaTable.is_deltatable(table.url, DELTA_RETRIES))
    except (OSError, DeltaError) as error:
        raise storage_error("open", table.url, error) from error


def read_table(table: Table, version: int | None = None, **partition: str) -> pads.Dataset:
    """Return a table, or one partition of it, as an Arrow dataset pinned to a version.

    Files are read through Arrow's own file system. Arrow's read-ahead would call Delta Lake's,
    which is written in Python, after the interpreter has ended: the process would hang or crash.
    """
    conditions = [(column, "=", value) for column, value in partition.items()]
    files, root = filesystem(table.url)
    return open_table(table, version).to_pyarrow_dataset(
        partitions=conditions or None, filesystem=pyarrow.fs.SubTreeFileSystem(root, files)
    )


def data_files(
    table: Table, version: int | None = None, partition: Mapping[str, str] | None = None
) -> list[DataFile]:
    """Return the data files of a table or partition, as its log names them, by path."""
    held = _files_in(open_table(table, version), table, partition or {})
    return [held[path] for path in sorted(held)]


def data_file_rows(table: Table, version: int | None = None, **partition: str) -> dict[str, int]:
    """Return the rows of each data file of a table or partition, by path, sorted."""
    return {file.path: file.rows for file in data_files(table, version, partition)}


def read_data_file(
    table: Table,
    path: str,
    columns: Sequence[str] | None = None,
    groups: Sequence[int] | None = None,
) -> Iterator[pa.Table]:
    """Yield the row groups of a data file, or some; `columns` selects columns.

    Raises UserError when the file is missing or damaged.
    """
    files, root = filesystem(table.url)
    try:
        with pq.ParquetFile(
            f"{root}/{path}", filesystem=files, page_checksum_verification=True
        ) as file:
            for group in range(file.num_row_groups) if groups is None else groups:
                yield file.read_row_group(group, columns=columns)
    except (OSError, pa.ArrowInvalid) as error:
        raise storage_error("read", f"{root}/{path}", error) from error


def _open_or_create(table: Table) -> DeltaTable:
    if not DeltaTable.is_deltatable(table.url, DELTA_RETRIES):
        # Several processes may create a table at once; "ignore" lets all but the first pass.
        DeltaTable.create(
            table.url,
            table.schema,
            mode="ignore",
            partition_by=list(table.partition_by),
            storage_options=DELTA_RETRIES,
        )
    opened = DeltaTable(table.url, storage_options=DELTA_RETRIES)
    there = {field.name for field in opened.schema().fields}
    if differing := sorted(there ^ set(table.schema.names)):
        raise UserError(
            f"table {table.url} was made by another version: it differs in the columns "
            f"{', '.join(differing)}; expected {len(table.schema)} columns: remove that folder"
        )
    return opened


def _files_in(
    opened: DeltaTable, table: Table, partition: Mapping[str, str]
) -> dict[str, DataFile]:
    """Return the log's entry of each data file of a partition, by path."""
    folder = data_file_path(table, partition, "").removesuffix(".parquet") if partition else ""
    return {
        path: DataFile(path=path, size=int(one["size_bytes"]), rows=int(one["num_records"]))
        for one in pa.table(opened.get_add_actions(flatten=True)).to_pylist()
        if (path := one["path"]).startswith(folder)
    }


def _changes(
    opened: DeltaTable, table: Table, parts: Sequence[DataFile], partition: Mapping[str, str]
) -> list[AddAction | RemoveAction]:
    """Return the actions after which a partition has exactly the files `parts`."""
    current = _files_in(opened, table, partition)
    wanted = {part.path for part in parts}
    now_ms = int(time.time() * 1000)
    added = [
        AddAction(
            path=part.path,
            size=part.size,
            partition_values=partition_of(part.path),
            modification_time=now_ms,
            data_change=True,
            stats=json.dumps({"numRecords": part.rows}),
        )
        for part in parts
        if part != current.get(part.path)
    ]
    removed = [
        RemoveAction(
            path=path,
            data_change=True,
            deletion_timestamp=now_ms,
            size=held.size,
            partition_values={**partition_of(path)},
        )
        for path, held in current.items()
        if path not in wanted
    ]
    return [*added, *removed]


def _label(
    changes: Sequence[AddAction | RemoveAction], partition: Mapping[str, str], why: str
) -> CommitProperties:
    """Return what a version changed and why, as its log entry says it to people."""
    added = sum(isinstance(change, AddAction) for change in changes)
    changed = " ".join([*partition.values(), f"{added} files in, {len(changes) - added} out"])
    return CommitProperties(custom_metadata={"changed": changed, "why": why})
