"""Write the easy corpus: `python -m tools.easy_corpus FOLDER`.

Needs music21, which ships the scores: `pip install -c constraints.txt -e '.[easy]'`. With the same
version every run writes the same files.
"""

from pathlib import Path
from typing import Annotated

import typer

from tools.easy_corpus.write import write_corpus


def main(
    folder: Annotated[Path, typer.Argument(help="Where the MAESTRO root is written.")],
    limit: Annotated[int | None, typer.Option(min=1, help="Scores of each source.")] = None,
) -> None:
    """Play the scores, and write MIDI files, a table and licences."""
    played = write_corpus(folder, limit=limit, log=typer.echo)
    typer.echo(f"{played} pieces in {folder}; next: pianograde corpus add easy --maestro {folder}")


if __name__ == "__main__":
    typer.run(main)
