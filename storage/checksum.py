"""The checksum of a whole data file, which stands in the file's own Parquet footer.

Parquet's page checksums cover the values alone. A byte that changes in a page's header or in the
footer (one in three of a small file's) may pass them, and give other values.
"""

import zlib
from typing import IO, Any

KEY, BLANK = "crc32", "00000000"
"""The entry of the footer: CRC-32 of all bytes, where these digits themselves count as zeros."""

_ENTRY = KEY.encode() + bytes([0x18, len(BLANK)])  # then the digits, as Thrift writes strings
_CHUNK_BYTES = 1 << 20


def seal(file: IO[bytes]) -> None:
    """Fill in the checksum of a Parquet file that was written with the entry `KEY: BLANK`."""
    file.flush()  # here, because a full disk is told by `flush`, but not by `seek`
    place = _find_digits(file)
    assert place, "the file has no entry for its checksum"
    digits = _checksum(file, place)
    file.seek(place)
    file.write(digits)
    file.seek(0, 2)


def is_intact(file: IO[bytes] | Any) -> bool | None:
    """Return whether a file's bytes are those that were written; None for one without checksum."""
    if not (place := _find_digits(file)):
        return None
    file.seek(place)
    return bool(file.read(len(BLANK)) == _checksum(file, place))


def _find_digits(file: IO[bytes] | Any) -> int:
    """Return where the digits stand in the file; 0 where there are none."""
    size = file.seek(0, 2)
    file.seek(max(size - 8, 0))
    length = int.from_bytes(file.read(4), "little")
    start = max(size - 8 - length, 0)
    file.seek(start)
    found = file.read(size - start).rfind(_ENTRY)
    return 0 if found < 0 else start + found + len(_ENTRY)


def _checksum(file: IO[bytes] | Any, place: int) -> bytes:
    """Return the digits of the file's checksum, which stand at `place`."""
    file.seek(0)
    checksum, left = 0, place
    while left and (chunk := file.read(min(_CHUNK_BYTES, left))):
        checksum, left = zlib.crc32(chunk, checksum), left - len(chunk)
    checksum = zlib.crc32(BLANK.encode(), checksum)
    file.seek(place + len(BLANK))
    while chunk := file.read(_CHUNK_BYTES):
        checksum = zlib.crc32(chunk, checksum)
    return b"%08x" % checksum
