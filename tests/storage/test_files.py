from pathlib import Path

import pytest

from degradation.errors import UserError
from storage.files import filesystem, storage_error, whole_file


def write(url: str, path: str, data: bytes) -> None:
    with whole_file(url, path) as file:
        file.write(data)


def test_a_plain_path_and_a_file_url_are_one_place(tmp_path: Path) -> None:
    for url in (str(tmp_path), tmp_path.as_uri()):
        write(url, "deep/a.bin", url.encode())
        files, root = filesystem(url)
        with files.open_input_stream(f"{root}/deep/a.bin") as stream:
            assert stream.read() == url.encode()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.bin", "deep"]


def test_a_full_disk_is_told_in_one_line_and_leaves_nothing(tiny_disk: Path) -> None:
    write(str(tiny_disk), "small.bin", b"kept")
    with pytest.raises(UserError, match=r"the disk is full; free some space and run again") as told:
        write(str(tiny_disk), "big.bin", bytes(3_000_000))
    assert "\n" not in str(told.value)
    assert [path.name for path in tiny_disk.iterdir()] == ["small.bin"]
    write(str(tiny_disk), "other.bin", bytes(500_000))


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file")
    with pytest.raises(UserError, match=r"could not write .*a/b.bin"):
        write(str(tmp_path), "a/b.bin", b"x")


def test_an_error_of_another_file_is_not_told_as_one_of_writing(
    tmp_path: Path, object_store: str
) -> None:
    def copied(url: str) -> None:
        with whole_file(url, "copy.bin") as file:
            file.write((tmp_path / "source.bin").read_bytes())

    for url in (str(tmp_path / "out"), object_store):
        with pytest.raises(FileNotFoundError, match=r"source.bin"):
            copied(url)
    assert [path.name for path in tmp_path.rglob("*")] == ["out"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    write(str(tmp_path), "a.bin", b"old")

    def interrupted() -> None:
        with whole_file(str(tmp_path), "a.bin") as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_a_scheme_that_is_not_known_is_told() -> None:
    with pytest.raises(UserError, match=r"could not open nowhere://x"):
        filesystem("nowhere://x")


def test_an_object_store_holds_what_was_written(object_store: str) -> None:
    write(object_store, "deep/a.bin", b"sound")
    files, root = filesystem(object_store)
    with files.open_input_stream(f"{root}/deep/a.bin") as stream:
        assert stream.read() == b"sound"


def test_a_missing_bucket_is_told_in_one_line(object_store: str) -> None:
    with pytest.raises(UserError, match=r"could not write .*bucket does not exist") as told:
        write("s3://elsewhere/x", "a.bin", b"x")
    assert "\n" not in str(told.value)


def test_the_tree_that_delta_lake_draws_becomes_one_line() -> None:
    drawn = OSError("Generic error\n  \x1b[31m↳\x1b[0m the cause\n")
    assert "Generic error the cause; check" in str(storage_error("open", "x", drawn))
