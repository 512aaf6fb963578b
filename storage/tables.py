"""Delta tables: workers write part files, the driver commits a partition in one transaction.

A part's name says what it holds, so a part that is there is not made again: that is how a
killed run resumes. Readers see one version of a table and never a half-made partition.
"""

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.fs
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from degradation.errors import UserError

ROW_GROUP_ROWS = 32
"""Rows a row group: one sample with its audio is read in a few milliseconds."""

COMMIT_ATTEMPTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Where a table lies (a `file:` or `s3:` URL), its columns, and what it is partitioned by."""

    url: str
    schema: pa.Schema
    partition_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part file: its path inside the table, its size in bytes and its number of rows."""

    path: str
    size: int
    rows: int


def part_path(table: Table, partition: Mapping[str, str], name: str) -> str:
    """Return where a part lies inside its table, Hive style."""
    folders = [f"{column}={partition[column]}" for column in table.partition_by]
    return "/".join([*folders, f"{name}.parquet"])


def find_part(table: Table, path: str) -> Part | None:
    """Return a part that is already there, whole, or None."""
    files, root = filesystem(table.url)
    about = files.get_file_info(f"{root}/{path}")
    if about.type != pyarrow.fs.FileType.File:
        return None
    rows = pq.read_metadata(f"{root}/{path}", filesystem=files).num_rows
    return Part(path=path, size=about.size, rows=rows)


def write_part(table: Table, path: str, groups: Iterable[pa.Table]) -> Part:
    """Write a part from groups of rows; it appears whole or not at all.

    Media columns are stored as they are: FLAC does not compress, dictionaries and statistics
    of them cost time and are never used. Raises UserError when the disk is full.
    """
    files, root = filesystem(table.url)
    target = f"{root}/{path}"
    local = isinstance(files, pyarrow.fs.LocalFileSystem)
    # An object store shows an object when it is complete; a local file is renamed into place.
    written_to = f"{target}.{os.getpid()}.tmp" if local else target
    files.create_dir(target.rsplit("/", 1)[0], recursive=True)
    media = {name for name in ("audio", "midi", "clean_midi") if name in table.schema.names}
    rows = 0
    try:
        with (
            files.open_output_stream(written_to) as stream,
            pq.ParquetWriter(
                stream,
                table.schema,
                compression={
                    column: "NONE" if column.split(".")[0] in media else "ZSTD"
                    for field in table.schema
                    for column in _leaf_columns(field)
                },
                use_dictionary=[
                    field.name for field in table.schema if pa.types.is_string(field.type)
                ],
                write_statistics=[
                    field.name for field in table.schema if not pa.types.is_nested(field.type)
                ],
            ) as writer,
        ):
            for group in groups:
                writer.write_table(group.cast(table.schema), row_group_size=ROW_GROUP_ROWS)
                rows += len(group)
        if local:
            files.move(written_to, target)
    except OSError as error:
        if local and files.get_file_info(written_to).type == pyarrow.fs.FileType.File:
            files.delete_file(written_to)
        raise storage_error(target, error) from error
    return Part(path=path, size=files.get_file_info(target).size, rows=rows)


def commit(
    table: Table,
    parts: Sequence[Part],
    partition: Mapping[str, str] | None = None,
    about: Mapping[str, str] | None = None,
) -> int:
    """Make `parts` all that a partition (or the whole table) holds; return the table's version.

    One transaction; nothing is committed when the partition holds just these parts already.
    """
    for attempt in range(COMMIT_ATTEMPTS):
        try:
            return _commit_once(table, parts, partition or {}, about or {})
        except CommitFailedError:
            # Another partition was committed meanwhile; the table is read again and retried.
            time.sleep(0.02 * (attempt + 1))
    raise UserError(
        f"table {table.url} could not be committed in {COMMIT_ATTEMPTS} attempts; expected fewer "
        "writers at once: run again, finished parts are kept"
    )


def open_table(table: Table, version: int | None = None) -> DeltaTable:
    """Return a version of a table (the newest by default). Raises UserError when it's not there."""
    try:
        return DeltaTable(table.url, version=version)
    except TableNotFoundError as error:
        name = table.url.rsplit("/", 1)[-1]
        raise UserError(
            f"table {name!r} is not there ({table.url}); materialise its asset first: "
            "`make demo` makes all of them"
        ) from error


def table_exists(table: Table) -> bool:
    """Return whether anything was ever committed."""
    return bool(DeltaTable.is_deltatable(table.url))


def read_table(
    table: Table, version: int | None = None, **partition: str
) -> pads.Dataset:
    """Return a table, or one partition of it, as an Arrow dataset pinned to a version."""
    opened = open_table(table, version)
    conditions = [(column, "=", value) for column, value in partition.items()]
    return opened.to_pyarrow_dataset(partitions=conditions or None)


def part_rows(table: Table, version: int | None = None, **partition: str) -> dict[str, int]:
    """Return the parts of a version of a table, or of one partition: rows by path, sorted."""
    opened = open_table(table, version)
    folder = part_path(table, partition, "").removesuffix(".parquet") if partition else ""
    actions = pa.table(opened.get_add_actions(flatten=True)).to_pylist()
    rows = {action["path"]: int(action["num_records"]) for action in actions}
    return {path: rows[path] for path in sorted(rows) if path.startswith(folder)}


def filesystem(url: str) -> tuple[pyarrow.fs.FileSystem, str]:
    """Return the file system of a URL and the path on it. Plain paths count as `file:`."""
    if "://" not in url and not url.startswith("file:"):
        return pyarrow.fs.LocalFileSystem(), str(Path(url).resolve())
    found: tuple[pyarrow.fs.FileSystem, str] = pyarrow.fs.FileSystem.from_uri(url)
    return found


def read_part(
    table: Table, path: str, columns: Sequence[str] | None = None
) -> Iterable[pa.Table]:
    """Yield a part's row groups, one at a time."""
    files, root = filesystem(table.url)
    with pq.ParquetFile(f"{root}/{path}", filesystem=files) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group, columns=columns)


def derived_path(source_path: str, version: str) -> str:
    """Return the path of a part that follows from another: its name with `version` appended.

    A change of either makes a new part, and the part it came from can be read off its name.
    """
    return f"{source_path.removesuffix('.parquet')}-{version}.parquet"


def derive_part(
    source: Table,
    source_path: str,
    target: Table,
    version: str,
    derive: Callable[[pa.Table], pa.Table],
) -> Part:
    """Make the part of `target` that follows from one part of `source`, row group by row group."""
    path = derived_path(source_path, version)
    if found := find_part(target, path):
        return found
    return write_part(target, path, (derive(group) for group in read_part(source, source_path)))


def storage_error(path: str, error: OSError) -> UserError:
    """Return an I/O error as one line with the way out."""
    full = error.errno == 28 or "No space left" in str(error)
    reason = "the disk is full" if full else " ".join(str(error).split())
    remedy = "free some space" if full else "check that the folder can be written"
    return UserError(
        f"could not write {path}: {reason}; {remedy} and run again, finished parts are kept"
    )


def _commit_once(
    table: Table, parts: Sequence[Part], partition: Mapping[str, str], about: Mapping[str, str]
) -> int:
    if not table_exists(table):
        # Several processes may create a table at once; "ignore" lets all but the first pass.
        DeltaTable.create(
            table.url, table.schema, mode="ignore", partition_by=list(table.partition_by)
        )
    opened = DeltaTable(table.url)
    there = pa.table(opened.get_add_actions(flatten=True)).to_pylist()
    folder = part_path(table, partition, "").removesuffix(".parquet") if partition else ""
    current = {action["path"] for action in there if action["path"].startswith(folder)}
    wanted = {part.path for part in parts}
    now_ms = int(time.time() * 1000)
    actions = [
        AddAction(
            path=part.path,
            size=part.size,
            partition_values=dict(step.split("=") for step in part.path.split("/")[:-1]),
            modification_time=now_ms,
            data_change=True,
            stats=json.dumps({"numRecords": part.rows}),
        )
        for part in parts
        if part.path not in current
    ]
    removed = [_remove(action, now_ms) for action in there if action["path"] in current - wanted]
    if actions or removed:
        opened.create_write_transaction(
            [*actions, *removed],
            "append",
            table.schema,
            partition_by=list(table.partition_by),
            commit_properties=CommitProperties(custom_metadata=dict(about)),
        )
        opened.update_incremental()
    return int(opened.version())


def _remove(action: Mapping[str, object], now_ms: int) -> RemoveAction:
    path = str(action["path"])
    return RemoveAction(
        path=path,
        data_change=True,
        deletion_timestamp=now_ms,
        size=action["size_bytes"],
        partition_values=dict(step.split("=") for step in path.split("/")[:-1]),
    )


def _leaf_columns(field: pa.Field, path: str = "") -> list[str]:
    """Return the Parquet names of the leaves of a column, such as `edits.list.element.change`."""
    path = f"{path}.{field.name}" if path else field.name
    if pa.types.is_struct(field.type):
        return [leaf for child in field.type for leaf in _leaf_columns(child, path)]
    if pa.types.is_list(field.type):
        return _leaf_columns(field.type.value_field.with_name("element"), f"{path}.list")
    return [path]
