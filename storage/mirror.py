"""Local folders of files that an object store holds, too, for the machines that share it alone."""

import os
import shutil
from pathlib import Path

import pyarrow.fs

from storage.files import UPLOAD_BYTES, filesystem, storage_error, whole_file


def fetch_folder(url: str, folder: Path) -> None:
    """Copy to a folder the files that the store alone holds, or holds newer.

    A fetched file takes the store's time. Raises UserError where the store cannot be read.
    """
    files, root = filesystem(url)
    for name, kept_ns in _stored(url).items():
        path = folder / name
        if path.exists() and path.stat().st_mtime_ns >= kept_ns:
            continue
        try:
            with (
                whole_file(str(folder), name) as target,
                files.open_input_stream(f"{root}/{name}") as source,
            ):
                shutil.copyfileobj(source, target, UPLOAD_BYTES)
        except OSError as error:
            raise storage_error("read", f"{url}/{name}", error) from error
        os.utime(path, ns=(kept_ns, kept_ns))


def publish_folder(folder: Path, url: str) -> None:
    """Make the store hold what a folder holds: changed files are copied, missing ones deleted.

    A copied file takes the store's time. Raises UserError where the store cannot be written.
    """
    files, root = filesystem(url)
    stored = _stored(url)
    here = {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
    }
    for name, path in here.items():
        if stored.get(name) == path.stat().st_mtime_ns:
            continue
        with path.open("rb") as source, whole_file(url, name) as target:
            shutil.copyfileobj(source, target, UPLOAD_BYTES)
        kept_ns = files.get_file_info(f"{root}/{name}").mtime_ns
        os.utime(path, ns=(kept_ns, kept_ns))
    for name in stored.keys() - here.keys():
        try:
            files.delete_file(f"{root}/{name}")
        except OSError as error:
            raise storage_error("delete", f"{url}/{name}", error) from error


def _stored(url: str) -> dict[str, int]:
    """Return the time of change of each file below a URL, in ns, by its path from there."""
    files, root = filesystem(url)
    selector = pyarrow.fs.FileSelector(root, recursive=True, allow_not_found=True)
    try:
        found = files.get_file_info(selector)
    except OSError as error:
        raise storage_error("read", url, error) from error
    return {
        file.path.removeprefix(f"{root}/"): file.mtime_ns
        for file in found
        if file.type == pyarrow.fs.FileType.File
    }
