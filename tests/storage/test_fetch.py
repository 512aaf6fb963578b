import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from degradation.errors import UserError
from storage import fetch
from storage.fetch import fetch_maestro


def archive(music: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("maestro-v3.0.0/", "")
        packed.writestr("maestro-v3.0.0/maestro-v3.0.0.csv", "canonical_composer\n")
        packed.writestr("maestro-v3.0.0/2004/a.midi", music)
    return written.getvalue()


ARCHIVE = archive(np.random.Generator(np.random.PCG64(1)).bytes(3_000_000))
SHA256 = hashlib.sha256(ARCHIVE).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves one archive; `breaks_off_after` bytes once, and remembers what was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.breaks_off_after: int | None = None
        self.knows_ranges = True
        self.asked: list[str | None] = []
        self.content = ARCHIVE

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/maestro-v3.0.0-midi.zip"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers["Range"]
        self.server.asked.append(asked)
        first = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        content = self.server.content
        if not self.server.knows_ranges:
            first = 0
            self.send_response(200)
        elif first >= len(content):
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        else:
            self.send_response(206)
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        rest = content[first:]
        if self.server.breaks_off_after is not None:
            rest, self.server.breaks_off_after = rest[: self.server.breaks_off_after], None
            self.close_connection = True
        self.wfile.write(rest)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


def assert_whole(root: Path, folder: Path) -> None:
    assert root == folder / "maestro-v3.0.0"
    assert (root / "maestro-v3.0.0.csv").is_file()
    assert len((root / "2004" / "a.midi").read_bytes()) == 3_000_000
    assert sorted(path.name for path in folder.iterdir()) == [
        "maestro-v3.0.0",
        "maestro-v3.0.0-midi.zip",
    ]


def test_the_archive_is_fetched_checked_and_unpacked(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    assert_whole(fetch_maestro(folder, server.url, SHA256), folder)


def test_a_download_that_broke_off_goes_on_where_it_was(server: Server, tmp_path: Path) -> None:
    server.breaks_off_after = 1_500_000
    with pytest.raises(
        UserError, match=r"broke off after [12] MB .* it goes on from there"
    ) as told:
        fetch_maestro(tmp_path, server.url, SHA256)
    assert "\n" not in str(told.value)
    have = (tmp_path / "maestro-v3.0.0-midi.zip.part").stat().st_size
    assert 0 < have <= 1_500_000
    assert_whole(fetch_maestro(tmp_path, server.url, SHA256), tmp_path)
    assert server.asked == ["bytes=0-", f"bytes={have}-"]


def test_a_download_that_was_killed_at_its_end_is_not_asked_for_again(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "maestro-v3.0.0-midi.zip.part").write_bytes(ARCHIVE)
    assert_whole(fetch_maestro(tmp_path, server.url, SHA256), tmp_path)
    assert server.asked == [f"bytes={len(ARCHIVE)}-"]


def test_a_server_without_ranges_starts_again(server: Server, tmp_path: Path) -> None:
    server.knows_ranges = False
    (tmp_path / "maestro-v3.0.0-midi.zip.part").write_bytes(ARCHIVE[:1000])
    assert_whole(fetch_maestro(tmp_path, server.url, SHA256), tmp_path)
    assert server.asked == ["bytes=1000-"]


def test_what_is_there_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    for _ in range(2):
        assert_whole(fetch_maestro(tmp_path, server.url, SHA256), tmp_path)
    assert len(server.asked) == 1


def test_another_file_is_thrown_away_and_told(server: Server, tmp_path: Path) -> None:
    server.content = ARCHIVE[:-1] + b"?"
    with pytest.raises(UserError, match=rf"expected SHA-256 {SHA256}; it was thrown away") as told:
        fetch_maestro(tmp_path, server.url, SHA256)
    assert "\n" not in str(told.value)
    assert list(tmp_path.iterdir()) == []
    server.content = ARCHIVE
    assert_whole(fetch_maestro(tmp_path, server.url, SHA256), tmp_path)


def test_a_half_unpacked_folder_is_never_taken_for_a_root(server: Server, tmp_path: Path) -> None:
    fetch_maestro(tmp_path, server.url, SHA256)
    half = tmp_path / ".maestro-v3.0.0-midi.zip.unpacking"
    (tmp_path / "maestro-v3.0.0").rename(half)  # as a kill in the middle leaves it
    (half / "2004" / "a.midi").write_bytes(b"half")
    assert_whole(fetch_maestro(tmp_path, server.url, SHA256), tmp_path)


def test_an_archive_that_cannot_be_unpacked_whole_leaves_no_root(
    server: Server, tiny_disk: Path
) -> None:
    server.content = archive(bytes(3_000_000))
    digest = hashlib.sha256(server.content).hexdigest()
    with pytest.raises(UserError, match=r"the disk is full; free some space and run again"):
        fetch_maestro(tiny_disk, server.url, digest)
    assert (tiny_disk / "maestro-v3.0.0-midi.zip").is_file()
    assert not (tiny_disk / "maestro-v3.0.0").exists()


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("../evil", 9),
        ("maestro-v3.0.0/../../evil", 9),
        ("/evil", 9),
        ("beside/evil", 9),
        ("maestro-v3.0.0/evil", 2_000_000),  # some 2 kB in the archive
    ],
)
def test_an_archive_that_reaches_out_or_swells_is_not_unpacked(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, size: int
) -> None:
    monkeypatch.setattr(fetch, "MOST_UNPACKED_BYTES", 4_000_000)
    written = io.BytesIO(ARCHIVE)
    with zipfile.ZipFile(written, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(name, bytes(size))
    server.content = written.getvalue()
    folder = tmp_path / "some" / "folder"
    with pytest.raises(
        UserError, match=r"[35] MB in .*; expected one folder of at most 4 MB"
    ) as told:
        fetch_maestro(folder, server.url, hashlib.sha256(server.content).hexdigest())
    assert "\n" not in str(told.value)
    assert [path.name for path in folder.iterdir()] == ["maestro-v3.0.0-midi.zip"]
    assert [path.name for path in tmp_path.rglob("evil")] == []


def test_a_full_disk_and_a_server_that_is_not_there_are_told(
    server: Server, tiny_disk: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"the disk is full; free some space and run again"):
        fetch_maestro(tiny_disk, server.url, SHA256)
    server.server_close()
    with pytest.raises(UserError, match=r"broke off after 0 MB") as told:
        fetch_maestro(tmp_path, "http://127.0.0.1:9/maestro.zip", SHA256)
    assert "\n" not in str(told.value)
