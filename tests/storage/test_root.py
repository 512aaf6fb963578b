import unicodedata
from pathlib import Path

import pytest

from degradation.errors import UserError
from storage.root import file_finder, find_index, is_hidden, read_rows

HEADER = "canonical_composer,canonical_title,duration"
TEXT = f'{HEADER}\nFrédéric Chopin,"Étude, Op. 10",38.8\nErik Satie,Gymnopédie,60\n'


def rows_of(path: Path, data: bytes) -> list[dict[str, str | None]]:
    path.write_bytes(data)
    columns, rows = read_rows(path)
    assert columns == HEADER.split(",")
    return [row for _, row in rows]


def test_what_systems_hide_is_no_table(tmp_path: Path) -> None:
    for name in ("._maestro.csv", ".DS_Store", ".~lock.maestro.csv#", ".csv"):
        (tmp_path / name).write_bytes(b"\x00\x05\x16\x07")
    with pytest.raises(UserError, match="has 0 CSV files"):
        find_index(tmp_path)
    (tmp_path / "maestro.csv").write_text(HEADER)
    assert find_index(tmp_path).name == "maestro.csv"


@pytest.mark.parametrize(
    ("name", "hidden"),
    [("._a.midi", True), ("2017/._a.midi", True), (".Trash/a.midi", True),
     ("a.midi", False), ("./a.midi", False), ("../a.midi", False)],
)  # fmt: skip
def test_a_name_that_begins_with_a_dot_is_hidden(name: str, hidden: bool) -> None:
    assert is_hidden(name) == hidden


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_table_that_a_spreadsheet_saved_again_is_the_same_table(
    tmp_path: Path, separator: str, encoding: str, line_end: str
) -> None:
    path = tmp_path / "maestro.csv"
    plain = rows_of(path, TEXT.encode())
    saved = TEXT.replace(",", separator).replace(f"Étude{separator}", "Étude,")
    blank = separator * 2
    saved = (saved + blank + "\n").replace("\n", line_end).replace("canonical_t", " Canonical_T")
    assert rows_of(path, saved.encode(encoding)) == plain


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (TEXT.encode("mac-roman"), "not UTF-8; save it as UTF-8"),
        (TEXT.encode("utf-16-le"), "save it as UTF-8"),
        (TEXT.encode("utf-32"), "save it as UTF-8"),
        (bytes(range(256)), "cannot be read as CSV"),
        (TEXT.encode("utf-16")[:-1], "cannot be read as CSV"),
    ],
)
def test_a_table_whose_letters_are_in_doubt_is_refused_in_one_line(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    path = tmp_path / "maestro.csv"
    path.write_bytes(data)
    with pytest.raises(UserError, match=reason) as told:
        read_rows(path)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
@pytest.mark.parametrize("in_table", ["NFC", "NFD"])
@pytest.mark.parametrize("separator", ["/", "\\"])
@pytest.mark.parametrize("ending", [".midi", ".mid", ".MID", ".Midi"])
def test_a_file_is_found_by_any_spelling_of_its_name(
    tmp_path: Path, on_disk: str, in_table: str, separator: str, ending: str
) -> None:
    there = unicodedata.normalize(on_disk, f"Été/Prélude{ending}")
    (tmp_path / there).parent.mkdir()
    (tmp_path / there).write_bytes(b"")
    (tmp_path / there).with_name("._Prélude.mid").write_bytes(b"")
    name = unicodedata.normalize(in_table, f"Été{separator}Prélude.midi")
    assert file_finder(tmp_path)(name) == there


def test_a_file_s_own_name_comes_first_and_two_that_answer_are_none(tmp_path: Path) -> None:
    for name in ("a.midi", "a.mid", "b.mid", "b.MIDI", "2018\\c.midi"):
        (tmp_path / name).write_bytes(b"")
    find = file_finder(tmp_path)
    names = ("a.midi", "a.mid", "b.midi", "2018\\c.midi", "d.midi", "2018\\d.midi")
    found = ("a.midi", "a.mid", "b.midi", "2018\\c.midi", "d.midi", "2018/d.midi")
    assert tuple(map(find, names)) == found
