"""Folders that an object store holds, too, seen by two machines."""

import time
from pathlib import Path

import boto3
import pytest

from degradation.errors import UserError
from storage.files import filesystem
from storage.mirror import fetch_folder, publish_folder


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(params=["file", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        return str(tmp_path / "store")
    return f"{request.getfixturevalue('object_store')}/{tmp_path.name}"


def test_another_machine_sees_what_was_published_changed_and_deleted(
    url: str, tmp_path: Path
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    fetch_folder(url, one)  # nothing was published yet
    assert not one.exists()
    (one / "model").mkdir(parents=True)
    (one / "model" / "best.txt").write_text("first")
    (one / "state.txt").write_text("epoch 1")
    publish_folder(one, url)
    fetch_folder(url, other)
    assert contents(other) == {"model/best.txt": "first", "state.txt": "epoch 1"}

    time.sleep(1.1)  # S3 keeps times in seconds
    (other / "model" / "best.txt").write_text("second")
    (other / "state.txt").unlink()
    publish_folder(other, url)
    fetch_folder(url, one)
    assert (one / "model" / "best.txt").read_text() == "second"
    third = tmp_path / "third"
    fetch_folder(url, third)
    assert contents(third) == {"model/best.txt": "second"}


def test_what_a_killed_run_left_is_kept_and_published_later(url: str, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    (one / "state.txt").write_text("epoch 1")
    publish_folder(one, url)
    time.sleep(1.1)
    (one / "state.txt").write_text("epoch 2")
    fetch_folder(url, one)
    assert (one / "state.txt").read_text() == "epoch 2"
    publish_folder(one, url)
    fetch_folder(url, other)
    assert (other / "state.txt").read_text() == "epoch 2"


def test_only_what_changed_is_copied(url: str, tmp_path: Path) -> None:
    one = tmp_path / "one"
    one.mkdir()
    (one / "weights").write_text("large")
    publish_folder(one, url)
    files, root = filesystem(url)
    first = files.get_file_info(f"{root}/weights").mtime_ns
    time.sleep(1.1)
    publish_folder(one, url)
    assert files.get_file_info(f"{root}/weights").mtime_ns == first


def test_a_store_shows_pages_as_pages(object_store: str, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("<h1>Report</h1>")
    publish_folder(tmp_path, f"{object_store}/pages")
    head = boto3.client("s3").head_object(Bucket="music", Key="base/pages/report.html")
    assert head["ContentType"] == "text/html"


def test_a_store_that_is_not_there_is_told(object_store: str, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("<h1>Report</h1>")
    with pytest.raises(UserError, match="could not write no-bucket/pages"):
        publish_folder(tmp_path, "s3://no-bucket/pages")
