"""The performances that a user names: files, folders of them, standard input, a pair."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from degradation.errors import UserError
from models.inference.sources import Sources, find_sources, music_in, why_unreadable


def find_performances(
    context: typer.Context, files: list[Path], midi: Path | None, audio: Path | None
) -> Iterator[tuple[str, Sources | UserError]]:
    """Yield each performance's name, and its files or why they cannot be read."""
    for given in files:
        try:
            inside = music_in(given) if given.is_dir() else [given]
        except UserError as error:
            yield str(given), error
            continue
        for file in inside:
            try:
                yield str(file), _piped(context) if str(file) == "-" else find_sources(file)
            except UserError as error:
                yield str(file), error
    if not files:
        pair = Sources(midi=midi, audio=audio)
        reasons = [reason for path in pair.paths if (reason := why_unreadable(path))]
        yield pair.name, reasons[0] if reasons else pair


def _piped(context: typer.Context) -> Sources:
    """Return standard input as a file that is deleted when the command ends."""
    if sys.stdin.isatty():
        raise UserError(
            "standard input is the terminal; expected a MIDI or audio file: pipe one in, "
            "`pianograde score - < take.mid`"
        )
    folder = context.with_resource(TemporaryDirectory())
    file = Path(folder) / "standard input"
    file.write_bytes(sys.stdin.buffer.read())
    return replace(find_sources(file), given="-")


def fault_of(found: Sources | UserError) -> UserError | None:
    """Return why a performance cannot be graded by any model."""
    from models.inference.windows import open_performance

    if isinstance(found, UserError):
        return found
    try:
        open_performance(found, float("inf"))
    except UserError as error:
        return error
    return None
