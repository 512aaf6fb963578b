"""A version of a table as a model's record names it, and whether it can still be read."""

import hashlib
from dataclasses import dataclass

from degradation.errors import UserError
from storage.files import filesystem
from storage.tables import DataFile, Table, data_files, open_table


@dataclass(frozen=True, slots=True, kw_only=True)
class TableVersion:
    """A version of a table: how many data files it has, and a digest of their names and sizes.

    Data files are named by what they hold, so the digest stands for the rows.
    """

    version: int
    files: int
    digest: str


def find_version(table: Table, version: int | None = None) -> TableVersion:
    """Return a version of a table, the newest by default. Raises UserError when it's not there."""
    number = int(open_table(table, version).version())
    return _describe(number, data_files(table, number))


def version_fault(table: Table, wanted: TableVersion) -> str:
    """Return why a version of a table is not there as it was, with the way out; "" if it is."""
    try:
        files = data_files(table, wanted.version)
    except UserError as error:
        return str(error)
    found = _describe(wanted.version, files)
    if found != wanted:
        return (
            f"expected {wanted.files} files of digest {wanted.digest}, got {found.files} of "
            f"{found.digest}: the table was made anew; train again on what it holds now"
        )
    store, root = filesystem(table.url)
    held = store.get_file_info([f"{root}/{file.path}" for file in files])
    gone = sum(one.size != file.size for one, file in zip(held, files, strict=True))
    if gone:
        return (
            f"expected {wanted.files} files, got {wanted.files - gone} of the size they had: a "
            "vacuum removed the others, or the disk lost them; restore them, or train again"
        )
    return ""


def _describe(version: int, files: list[DataFile]) -> TableVersion:
    lines = "\n".join(f"{file.path} {file.size} {file.rows}" for file in files)
    digest = hashlib.sha256(lines.encode()).hexdigest()[:16]
    return TableVersion(version=version, files=len(files), digest=digest)
