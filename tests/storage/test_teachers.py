"""A folder of rated recordings: what is read, what is left out, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from degradation.errors import UserError
from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, Performance
from storage.midi import write_midi
from storage.teachers import FEWEST_RECORDINGS, RATINGS_FILE, read_teachers


def scale(seed: int) -> Performance:
    notes = np.zeros(20, dtype=NOTE_DTYPE)
    notes["note_id"], notes["pitch"] = np.arange(20), 60 + np.arange(20) % 8
    notes["onset_s"] = np.arange(20) / 2
    notes["offset_s"], notes["velocity"] = notes["onset_s"] + 0.4, 50 + seed
    return Performance(notes=notes, pedal=np.zeros(0, dtype=PEDAL_DTYPE), duration_s=10.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten recordings of two pieces; the last row names a file that is not there."""
    lines = ["file,piece,comment,teacher1,teacher2"]
    for number in range(10):
        (tmp_path / f"take {number}.mid").write_bytes(write_midi(scale(number)))
        lines.append(f"take {number}.mid,piece {number % 2},nice,{number % 5 + 1},")
    (tmp_path / RATINGS_FILE).write_text("\n".join([*lines, "gone.mid,piece 0,,3,3"]))
    return tmp_path


def rewrite(folder: Path, old: str, new: str) -> None:
    path = folder / RATINGS_FILE
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_ratings_and_playing_are_read_and_the_rest_is_told(folder: Path) -> None:
    rated = read_teachers(folder)
    assert rated.teachers == ("teacher1", "teacher2")
    first = rated.recordings[0]
    assert (first.stem, first.piece, first.ratings[0]) == ("take 0.mid", "piece 0", 1)
    assert np.isnan(first.ratings[1]), "nothing is no rating"
    assert len(first.performance.notes) == 20
    assert len(rated.recordings) == 10
    (fault,) = rated.faults
    assert fault.item == "gone.mid"
    assert "No such file" in fault.reason


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("nice,1,", "nice,,", "has no rating"),
        ("nice,1,", "nice,good,", "is rated 'good'; expected a number"),
        ("take 0.mid", "../take 0.mid", "outside the folder"),
    ],
)
def test_a_row_that_cannot_be_used_is_left_out_with_its_reason(
    folder: Path, old: str, new: str, reason: str
) -> None:
    rewrite(folder, old, new)
    rated = read_teachers(folder)
    assert any(reason in fault.reason for fault in rated.faults)
    assert len(rated.recordings) < 10


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("teacher1,teacher2", "anna,ben", "no column whose name begins with teacher"),
        ("file,piece", "path,piece", "lacks the columns file"),
        ("take ", "taken ", f"expected {FEWEST_RECORDINGS} or more"),
    ],
)
def test_a_table_that_says_nothing_is_one_line(
    folder: Path, old: str, new: str, reason: str
) -> None:
    rewrite(folder, old, new)
    with pytest.raises(UserError, match=reason):
        read_teachers(folder)


def test_a_folder_without_the_table_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected a table with the columns file, piece"):
        read_teachers(tmp_path)
