"""Files in a folder or an object store, addressed by URL and written atomically."""

import errno
import io
import mimetypes
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.fs

from degradation.errors import UserError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

UPLOAD_BYTES = 16 << 20

ARROW_ATTEMPTS = 12
"""Requests to an object store that does not answer, after 0, 50, 100, 200 … ms: 102 s in all."""

DELTA_RETRIES = {
    "max_retries": "1000",
    "retry_timeout": "100s",
    "backoff_config.init_backoff": "1s",
    "backoff_config.max_backoff": "5s",
}
"""The same for Delta Lake, as its storage options; its own default gives up after some 3 s."""


def filesystem(url: str) -> tuple[pyarrow.fs.FileSystem, str]:
    """Return the file system of a URL and the path on it. Plain paths count as `file:`.

    An `s3://bucket/prefix` is reached by AWS's usual environment variables, which Delta Lake
    reads too: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_DEFAULT_REGION`, and for a store
    other than Amazon's `AWS_ENDPOINT_URL` (with `AWS_ALLOW_HTTP=true` where it is plain HTTP).
    The bucket must be there. A store that does not answer is asked again for 100 s. Raises
    UserError for a URL of another kind.
    """
    if "://" not in url and not url.startswith("file:"):
        return pyarrow.fs.LocalFileSystem(), str(Path(url).resolve())
    if url.startswith("s3://"):
        store = pyarrow.fs.S3FileSystem(
            endpoint_override=os.environ.get("AWS_ENDPOINT_URL"),
            retry_strategy=pyarrow.fs.AwsDefaultS3RetryStrategy(max_attempts=ARROW_ATTEMPTS),
            allow_delayed_open=True,  # one request for a small file
        )
        return store, unquote(url.removeprefix("s3://"))
    try:
        found: tuple[pyarrow.fs.FileSystem, str] = pyarrow.fs.FileSystem.from_uri(url)
    except (OSError, pa.ArrowInvalid) as error:
        raise storage_error("open", url, error) from error
    return found


@contextmanager
def whole_file(url: str, path: str) -> Iterator[IO[bytes]]:
    """Open a file below a URL for writing; it appears when the block succeeds, or not at all.

    A local file is renamed into place. A file for an object store is kept on the local disk until
    it is complete, because closing an upload early would publish the incomplete file. Raises
    UserError when the disk is full or cannot be written. Errors of other files that the block
    reads are not changed.
    """
    files, root = filesystem(url)
    target = f"{root}/{path}"
    if isinstance(files, pyarrow.fs.LocalFileSystem):
        with _unfinished(Path(target)) as unfinished:
            with _create(unfinished, target) as file:
                yield file
            with write_errors(target):
                os.replace(unfinished, target)
    else:
        with tempfile.TemporaryDirectory() as folder:
            complete = Path(folder) / "file"
            with _create(complete, target) as file:
                yield file
            with (
                write_errors(target),
                complete.open("rb") as source,
                files.open_output_stream(target, metadata=_content_type(path)) as stream,
            ):
                shutil.copyfileobj(source, stream, UPLOAD_BYTES)


def storage_error(doing: str, where: str, error: Exception) -> UserError:
    """Return an I/O error of Python, Arrow or Delta Lake as one line with the way out."""
    if getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error):
        reason, remedy = "the disk is full", "free some space"
    else:
        plain = re.sub(r"\x1b\[\d+m|↳", " ", str(error))  # Delta Lake prints causes as a tree
        reason = " ".join(plain.split())[:400]
        remedy = "check that it is there and may be used (for s3: the AWS_… variables)"
    return UserError(
        f"could not {doing} {where}: {reason}; {remedy} and run again, finished parts are kept"
    )


def _content_type(path: str) -> dict[str, str]:
    """Return a file's metadata in an object store, by which a browser shows a page."""
    return {"Content-Type": mimetypes.guess_type(path)[0] or "application/octet-stream"}


class _WrittenFile(io.BufferedRandom):
    """A new local file; its write errors become UserErrors that name `target`."""

    def __init__(self, opened: io.FileIO, target: str) -> None:
        super().__init__(opened)
        self._target = target

    def write(self, data: "ReadableBuffer", /) -> int:
        with write_errors(self._target):
            return super().write(data)

    def flush(self) -> None:
        with write_errors(self._target):
            super().flush()

    def close(self) -> None:
        with write_errors(self._target):
            super().close()


def _create(path: Path, target: str) -> _WrittenFile:
    with write_errors(target):
        return _WrittenFile(io.FileIO(path, "w+"), target)


@contextmanager
def write_errors(target: str) -> Iterator[None]:
    """Turn an OSError of the block into a UserError that names `target`."""
    try:
        yield
    except OSError as error:
        raise storage_error("write", target, error) from error


@contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    """Yield an unused path beside `target`, and delete that file after the block."""
    with write_errors(str(target)):
        target.parent.mkdir(parents=True, exist_ok=True)
    path = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
