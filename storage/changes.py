"""What each version of a table changed, and how the rows of two versions differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.fs

from degradation.counted import counted
from degradation.errors import UserError
from storage.files import filesystem
from storage.tables import DataFile, Table, data_files, open_table

KEYS = {
    "twins": ("performance_id", "twin_id"),
    "quarantine": ("stage", "item"),
    "pairs_quarantine": ("stage", "item"),
}
"""Columns that name a row; in all other tables it is the first column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A version of a table: when it was made, what it changed, what for, how many rows it has."""

    version: int
    made_at: datetime
    changed: str
    why: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Names of the rows that came, went and changed, and how many changed in each column."""

    added: Sequence[str]
    gone: Sequence[str]
    changed: Sequence[str]
    columns: dict[str, int]


def list_commits(table: Table, last: int) -> list[Commit]:
    """Return the newest `last` versions of a table, the newest first."""
    return [
        Commit(
            version=(version := int(entry["version"])),
            made_at=datetime.fromtimestamp(entry["timestamp"] / 1000, UTC),
            changed=entry.get("changed", entry["operation"].lower()),
            why=entry.get("why", ""),
            rows=sum(file.rows for file in data_files(table, version)),
        )
        for entry in open_table(table).history(last)
    ]


def find_difference(table: Table, before: int, after: int) -> Difference:
    """Compare the rows of two versions. Files that both have are not read: rows follow from names.

    Raises UserError for a version that is not there, or whose files a vacuum removed.
    """
    old, new = (set(data_files(table, version)) for version in (before, after))
    name = table.url.rsplit("/", 1)[-1]
    keys = KEYS.get(name, table.schema.names[:1])
    columns = [column for column in table.schema.names if column not in keys]
    connection = duckdb.connect()
    for side, version, files in (("old", before, old - new), ("new", after, new - old)):
        connection.from_arrow(_dataset(table, version, files)).create_view(f"{side}_rows")
        connection.execute(f"create view {side} as select *, true as here from {side}_rows")
    differs = [f'old."{column}" is distinct from new."{column}"' for column in columns]
    joined = f"from old full join new using ({', '.join(keys)})"
    names, counts = (
        connection.sql(
            f"select {what} from (select concat_ws(' ', {', '.join(keys)}) as name, "
            f"case when old.here is null then 'added' when new.here is null then 'gone' "
            f"when {' or '.join(differs)} then 'changed' end as kind, "
            f"{', '.join(f'{each} as c{n}' for n, each in enumerate(differs))} {joined}) {group}"
        ).fetchall()
        for what, group in (
            ("kind, list(name order by name)", "where kind is not null group by kind"),
            (
                ", ".join(f"count(*) filter (c{n})" for n in range(len(columns))),
                "where kind = 'changed'",
            ),
        )
    )
    found = dict(names)
    return Difference(
        added=found.get("added", []),
        gone=found.get("gone", []),
        changed=found.get("changed", []),
        columns={name: count for name, count in zip(columns, counts[0], strict=True) if count},
    )


def _dataset(table: Table, version: int, files: set[DataFile]) -> pads.Dataset | pa.Table:
    """Return the rows of some files of a version."""
    if not files:
        return table.schema.empty_table()
    store, root = filesystem(table.url)
    there = store.get_file_info([f"{root}/{file.path}" for file in files])
    if gone := sum(one.type != pyarrow.fs.FileType.File for one in there):
        raise UserError(
            f"version {version} of {table.url} lacks {counted(gone, 'file')}; expected all: a "
            "vacuum removed them: compare newer versions, and keep more of them "
            "(`pianograde vacuum --keep`)"
        )
    return pads.dataset([one.path for one in there], table.schema, filesystem=store)
