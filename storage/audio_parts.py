"""Finds the sound in an audio file without trusting the lengths in its headers.

libsndfile trusts the length in a header, which may be 0 after a crash, out of date after a second
take, or that of the first of several joined files. This module finds each recording by its bytes
and passes libsndfile the same bytes under a header with the true length.
"""

import io
import mmap
import re
import struct
from dataclasses import dataclass
from typing import BinaryIO

from degradation.errors import UserError

UNKNOWN_BYTES = (0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000)
"""Lengths of writers that did not know it; any length that ends in FFFF is one, too."""

MOST_PARTS = 1000
"""A file with more recordings is taken for corrupt or malicious."""

_W64_GUID = b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"
_STARTS = {
    "RIFF": re.compile(rb"(?:RIFF|RF64|BW64)[\0-\xff]{4}WAVE"),
    "W64": re.compile(rb"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0"),
    "AIFF": re.compile(rb"FORM[\0-\xff]{4}AIF[FC]"),
    "AU": re.compile(rb"\.snd\0\0[\0-\x0f][\x18-\xff][\0-\xff]{4}\0\0\0[\x01-\x1b]\0"),
    "FLAC": re.compile(rb"fLaC[\0\x80]\0\0\x22"),
    "OGG": re.compile(rb"OggS\0\x02"),
    # The first frame of an MP3 with a table of its length; the frame itself is silent.
    "MP3": re.compile(
        rb"\xff[\xe2-\xff][\x10-\xef][\0-\xff](?:\0\0)?(?:\0{9}|\0{17}|\0{32})(?:Xing|Info)"
    ),
}
_TAGS = (
    rb"LIST|id3 |ID3 |JUNK|junk|bext|cue |smpl|fact|iXML|_PMX|PEAK|afsp|LGWV|inst|plst|DISP|acid"
    rb"|cart|levl|umid|axml|chna|FLLR|PAD |minf|elm1|regn|NAME|AUTH|ANNO|COMT|MARK|INST|APPL|\(c\) "
)
_TAG = re.compile(_TAGS)
_TRAILER = re.compile(rb"TAG|ID3[\x02-\x04]|APETAGEX|" + _TAGS)
_ID = re.compile(rb"[ -~]{4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One recording of a file: `head`, then the file's bytes from `start` to `stop`.

    `claimed_bytes` is the length of its sound by its header where that says less or more than
    `sound_bytes`, which is there; `claimed_frames` the same where only decoding tells.
    """

    start: int
    stop: int
    head: bytes = b""
    claimed_bytes: int | None = None
    sound_bytes: int = 0
    claimed_frames: int | None = None


class PartFile(io.RawIOBase):
    """The bytes of a part as a file of their own; it leaves `file` open."""

    def __init__(self, file: BinaryIO, part: Part) -> None:
        self._file, self._part, self._at = file, part, 0
        self._size = len(part.head) + part.stop - part.start

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Set the position of the next byte; beyond the end nothing is read."""
        self._at = max(0, offset + {0: 0, 1: self._at, 2: self._size}[whence])
        return self._at

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Fill a buffer as far as bytes are left; return how many were read."""
        wanted = min(len(buffer), max(0, self._size - self._at))
        head = self._part.head
        found = head[self._at : self._at + wanted]
        if len(found) < wanted:
            self._file.seek(self._part.start + self._at + len(found) - len(head))
            found += self._file.read(wanted - len(found))
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)


def find_parts(file: BinaryIO) -> list[Part]:
    """Return the recordings that a file holds one after the other, mostly one.

    A file of a kind that is not known here is one part, as it stands. Raises UserError for more
    than `MOST_PARTS`.
    """
    size = file.seek(0, io.SEEK_END)
    if not size:
        return [Part(start=0, stop=0)]
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = _after_id3(data)
        kind = next((kind for kind, start in _STARTS.items() if start.match(data, at)), None)
        if kind is None and data[at : at + 1] == b"\xff":
            kind = "MP3"
        if kind is None:
            return [Part(start=0, stop=size)]
        parts: list[Part] = []
        while True:
            part = _part(data, kind, at if parts else 0, at)
            parts.append(part)
            if len(parts) > MOST_PARTS:
                raise UserError(f"more than {MOST_PARTS:,} recordings are joined in one file")
            # At least one byte further, so that the search ends.
            following = _STARTS[kind].search(data, max(part.stop, at + 1))
            if following is None:
                return parts
            at = following.start()


def _part(data: mmap.mmap, kind: str, first: int, at: int) -> Part:
    if kind == "FLAC":
        return _flac(data, at)
    if kind in {"OGG", "MP3"}:
        return Part(start=first, stop=_next(data, kind, at + 1))
    found = {"RIFF": _riff, "W64": _w64, "AIFF": _aiff, "AU": _au}[kind](data, at)
    return found or Part(start=at, stop=_next(data, kind, at + 1))


def _next(data: mmap.mmap, kind: str, at: int) -> int:
    found = _STARTS[kind].search(data, at)
    return found.start() if found else len(data)


def _after_id3(data: mmap.mmap) -> int:
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    length = 0
    for byte in data[6:10]:
        length = length << 7 | byte & 0x7F
    return min(10 + length, len(data))


def _chunks(data: mmap.mmap, at: int, order: str) -> list[tuple[bytes, int, int]]:
    """Return chunks as id, start and claimed length, up to the sound."""
    found = []
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from(f"{order}I", data, at + 4)[0]
        found.append((name, at + 8, size))
        if name in {b"data", b"SSND"}:
            break
        at += 8 + size + size % 2
    return found


def _riff(data: mmap.mmap, at: int) -> Part | None:
    chunks = {name: (start, size) for name, start, size in _chunks(data, at + 12, "<")}
    if b"fmt " not in chunks or b"data" not in chunks or not 14 <= chunks[b"fmt "][1] <= 65_536:
        return None
    start, claimed = chunks[b"data"]
    if claimed == 0xFFFFFFFF and b"ds64" in chunks and chunks[b"ds64"][1] >= 16:
        claimed = struct.unpack_from("<Q", data, chunks[b"ds64"][0] + 8)[0]
    about, length = chunks[b"fmt "]
    return _wave(data[about : about + length], start, claimed, _end(data, start, claimed))


def _w64(data: mmap.mmap, at: int) -> Part | None:
    at, form = at + 40, b""
    while at + 24 <= len(data) and data[at + 4 : at + 16] == _W64_GUID:
        name, size = data[at : at + 4], struct.unpack_from("<Q", data, at + 16)[0]
        if name == b"data" and form:
            start, claimed = at + 24, max(0, size - 24)
            tail = data.find(_W64_GUID, start)
            stop = min(tail - 4 if tail >= 0 else len(data), _next(data, "W64", start))
            # The sound is followed by up to seven bytes that fill eight.
            stop = start + claimed if 0 < stop - start - claimed < 8 else stop
            return _wave(form, start, claimed, stop)
        if name == b"fmt ":
            form = data[at + 24 : at + min(size, 65_536)]
        if size < 24:
            return None
        at += size + -size % 8
    return None


def _wave(form: bytes, start: int, claimed: int, stop: int) -> Part:
    """Return sound under a new RIFF header, or RF64 beyond four gigabytes."""
    size = stop - start
    form = b"fmt " + struct.pack("<I", len(form)) + form + b"\0" * (len(form) % 2)
    if size < 0xFFFF0000:
        head = b"RIFF" + struct.pack("<I", 12 + len(form) + size) + b"WAVE" + form
        head += b"data" + struct.pack("<I", size)
    else:
        lengths = struct.pack("<QQQI", 48 + len(form) + size, size, 0, 0)
        head = b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<I", 28) + lengths + form
        head += b"data\xff\xff\xff\xff"
    return _sound(head, start, claimed, stop)


def _aiff(data: mmap.mmap, at: int) -> Part | None:
    chunks = {name: (start, size) for name, start, size in _chunks(data, at + 12, ">")}
    if b"COMM" not in chunks or b"SSND" not in chunks or not 18 <= chunks[b"COMM"][1] <= 65_536:
        return None
    begin, claimed = chunks[b"SSND"]
    start = begin + 8
    claimed = max(0, claimed - 8) if claimed < 0x7FFFF000 else claimed
    stop = _end(data, start, claimed, ">")
    about, length = chunks[b"COMM"]
    common = bytearray(data[about : about + length])
    channels, bits = struct.unpack_from(">H4xH", common)
    frame_bytes = max(1, channels * -(-bits // 8))
    struct.pack_into(">I", common, 2, min((stop - start) // frame_bytes, 0xFFFFFFFF))
    head = b"COMM" + struct.pack(">I", length) + bytes(common) + b"\0" * (length % 2)
    head += b"SSND" + struct.pack(">I", min(stop - start + 8, 0xFFFFFFFF)) + bytes(8)
    size = min(len(head) + 4 + stop - start, 0xFFFFFFFF)
    head = b"FORM" + struct.pack(">I", size) + data[at + 8 : at + 12] + head
    return _sound(head, start, claimed, stop)


def _au(data: mmap.mmap, at: int) -> Part:
    length, claimed = struct.unpack_from(">II", data, at + 4)
    start = min(at + length, len(data))
    stop = _end(data, start, claimed, ">")
    head = data[at : at + 8] + b"\xff\xff\xff\xff" + data[at + 12 : start]
    return _sound(head, start, claimed, stop)


def _flac(data: mmap.mmap, at: int) -> Part:
    """Return a part whose header says that its length is unknown, so that all of it is read."""
    stop = _next(data, "FLAC", at + 1)
    head = bytearray(data[at : at + 26])
    if len(head) < 26:
        return Part(start=at, stop=stop)
    frames = (head[21] & 0x0F) << 32 | int.from_bytes(head[22:26])
    head[21:26] = bytes([head[21] & 0xF0, 0, 0, 0, 0])
    return Part(start=at + 26, stop=stop, head=bytes(head), claimed_frames=frames)


def _sound(head: bytes, start: int, claimed: int, stop: int) -> Part:
    known = claimed not in UNKNOWN_BYTES and claimed & 0xFFFF != 0xFFFF
    return Part(
        start=start,
        stop=stop,
        head=head,
        sound_bytes=stop - start,
        claimed_bytes=claimed if known and claimed != stop - start else None,
    )


def _end(data: mmap.mmap, start: int, claimed: int, order: str = "<") -> int:
    """Return where sound ends: where its header says, if tags or nothing follow, or at the tags.

    What follows may be the rest of the sound. Chunks tell themselves from it: each says where
    the next begins, and the last ends with the file or before another recording.
    """
    stop = start + claimed
    if start <= stop <= len(data) and (claimed or _leads_out(data, start, order)):
        if any(_TRAILER.match(data, at) or _leads_out(data, at, order) for at in (stop, stop + 1)):
            return stop
        if len(data) - stop < 256 or re.compile(rb"[^\0]").search(data, stop) is None:
            return stop
    for found in _TAG.finditer(data, start):
        if _leads_out(data, found.start(), order):
            return found.start()
    return min(_next(data, kind, start) for kind in ("RIFF", "AIFF", "AU"))


def _leads_out(data: mmap.mmap, at: int, order: str) -> bool:
    """Return whether chunks follow from here to the end of the file, or to the next recording."""
    chunks = 0
    while at + 8 <= len(data) and _ID.match(data, at):
        if any(_STARTS[kind].match(data, at) for kind in ("RIFF", "AIFF", "AU")):
            return True
        size = struct.unpack_from(f"{order}I", data, at + 4)[0]
        at, chunks = at + 8 + size + size % 2, chunks + 1
    return chunks > 0 and len(data) <= at <= len(data) + 1
