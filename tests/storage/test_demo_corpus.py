import pathlib
import shutil
import tomllib

import pytest

from degradation.errors import UserError
from storage.demo_corpus import CSV_NAME, YEARS, write_demo_corpus


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("demo")
    write_demo_corpus(folder)
    return folder


def contents(folder: pathlib.Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_writing_twice_changes_nothing(root: pathlib.Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    write_demo_corpus(root)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_a_half_written_root_is_completed(root: pathlib.Path, tmp_path: pathlib.Path) -> None:
    half = pathlib.Path(shutil.copytree(root, tmp_path / "half"))
    missing, cut, *_ = sorted(half.glob("*/*.midi"))
    (half / CSV_NAME).unlink()
    missing.unlink()
    cut.write_bytes(cut.read_bytes()[:100])
    write_demo_corpus(half)
    assert contents(half) == contents(root)


def test_the_table_is_written_last_and_an_outdated_one_goes_first(
    tmp_path: pathlib.Path,
) -> None:
    (tmp_path / CSV_NAME).write_text("an older table")
    (tmp_path / str(YEARS[-1])).write_text("a file where a folder must come")
    with pytest.raises(UserError, match=str(YEARS[-1])):
        write_demo_corpus(tmp_path)
    assert list(tmp_path.glob("*/*.midi")), "nothing was written before the failure"
    assert not (tmp_path / CSV_NAME).exists()


def test_the_wheel_holds_the_shipped_files() -> None:
    repository = pathlib.Path(__file__).parents[2]
    config = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    packaged = {
        path
        for pattern in config["tool"]["setuptools"]["package-data"]["storage"]
        for path in (repository / "storage").glob(pattern)
        if path.is_file()
    }
    shipped = {path for path in (repository / "storage" / "demo_root").rglob("*") if path.is_file()}
    assert packaged == shipped | {repository / "storage" / "dataset_card.md.j2"}
    assert len(shipped) == 32  # 30 renditions, the table and the licence
