"""The built-in corpus: ten public-domain pieces, each played three times, as a MAESTRO root.

`python -m tools.demo_corpus FOLDER`, in the repository, makes the files that are shipped here.
"""

from pathlib import Path

from storage.files import whole_file

CSV_NAME = "maestro-v3.0.0.csv"
YEARS = (2021, 2022, 2023)
"""Every piece is played once a year, so that each year holds all three splits."""

_SHIPPED = Path(__file__).parent / "demo_root"


def write_demo_corpus(root: Path) -> None:
    """Write the demo corpus, a MAESTRO root without audio, into a folder.

    Files appear whole or not at all, and files that are already there are left alone. The table
    is written last, so a root that has it is complete; a table of other content is deleted first,
    because the files it lists are about to change.
    """
    shipped = {
        path.relative_to(_SHIPPED).as_posix(): path.read_bytes()
        for path in sorted(_SHIPPED.rglob("*"))
        if path.is_file()
    }
    table = root / CSV_NAME
    if table.exists() and table.read_bytes() != shipped[CSV_NAME]:
        table.unlink()
    for name in sorted(shipped, key=lambda name: name == CSV_NAME):
        path = root / name
        if not path.exists() or path.read_bytes() != shipped[name]:
            with whole_file(str(path.parent), path.name) as file:
                file.write(shipped[name])
