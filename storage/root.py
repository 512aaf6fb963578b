"""Reads the table of a MAESTRO root, and finds the files that it names.

Copying between systems changes roots: a Mac adds hidden files and decomposed accents, Windows
backslashes, and a spreadsheet saves the table with semicolons or tabs, as UTF-16 or Windows-1252.
All of that is read where it has one meaning, and refused in one line where it has several.
"""

import codecs
import csv
import io
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path, PurePath, PureWindowsPath

from degradation.errors import UserError

Row = dict[str, str | None]

SEPARATORS = (",", ";", "\t")

_WESTERN = re.compile("[\x00-\x7f\xa0-\xff‘’“”–—…]*")
"""Characters that Windows-1252 shares with other Western encodings. Other bytes are more often
letters of another encoding: a Mac's é would become Ž."""


def is_hidden(name: str) -> bool:
    """Return whether a part of a path inside a root is hidden: its name begins with a dot."""
    return any(part.startswith(".") and part != ".." for part in PurePath(name).parts)


def find_index(root: Path) -> Path:
    """Return a root's one CSV file. Raises UserError when the root has none, or several."""
    if not root.is_dir():
        raise UserError(f"corpus root {root} is no folder; expected an unpacked MAESTRO archive")
    found = sorted(path for path in root.glob("*.csv") if not is_hidden(path.name))
    if len(found) != 1:
        raise UserError(
            f"corpus root {root} has {len(found)} CSV files at its top; expected one, such as "
            "maestro-v3.0.0.csv: name the folder that holds it"
        )
    return found[0]


def read_rows(path: Path) -> tuple[list[str], list[tuple[int, Row]]]:
    """Return a table's columns in lower case, and its rows with the lines where they end.

    Rows without any text are none. Raises UserError when the file cannot be read as CSV.
    """
    try:
        text = _decode(path.read_bytes())
        header = re.split("[\r\n]", text, maxsplit=1)[0]
        rows = csv.DictReader(
            io.StringIO(text, newline=""), delimiter=max(SEPARATORS, key=header.count)
        )
        rows.fieldnames = [name.strip().casefold() for name in rows.fieldnames or ()]
        found = [(rows.line_num, row) for row in rows if any(map(_has_text, row.values()))]
    except (OSError, ValueError, csv.Error) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path.name} cannot be read as CSV ({reason}): restore it") from error
    return list(rows.fieldnames), found


def file_finder(root: Path) -> Callable[[str], str]:
    """Return a function from a file's name in the table to its name on disk, inside `root`.

    Backslashes separate folders, accents may be composed or not, the ending's case is free, and
    `.mid` is `.midi`. A name that matches no file, or several, is returned unchanged but
    with slashes. The caller checks that it does not leave the root.
    """

    @cache
    def names_in(folder: Path) -> dict[str, list[str]]:
        names = defaultdict(list)
        for path in folder.iterdir() if folder.is_dir() else ():
            if not is_hidden(path.name):
                names[_spelling(path.name)].append(path.name)
        return names

    def find(name: str) -> str:
        if (root / name).is_file():
            return name
        as_windows = PureWindowsPath(name)
        found = Path("/" if as_windows.root else "")
        for part in as_windows.relative_to(as_windows.anchor).parts:
            alike = names_in(root / found).get(_spelling(part), [])
            exact = (root / found / part).exists()
            found /= alike[0] if len(alike) == 1 and not exact else part
        return found.as_posix()

    return find


def _spelling(name: str) -> str:
    """Return a normal form that all spellings of a file's name share."""
    path = PurePath(unicodedata.normalize("NFC", name))
    ending = path.suffix.lower()
    return path.stem + (".mid" if ending == ".midi" else ending)


def _decode(data: bytes) -> str:
    """Return a table's text. Raises ValueError where its encoding is in doubt."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", "replace")
            if not _WESTERN.fullmatch(text):
                raise ValueError("it is not UTF-8; save it as UTF-8") from None
    if "\0" in text.partition("\n")[0]:  # UTF-16 or UTF-32 without a byte order mark
        raise ValueError("it is not UTF-8; save it as UTF-8")
    return text


def _has_text(value: object) -> bool:
    return bool(value) and (not isinstance(value, str) or bool(value.strip()))
