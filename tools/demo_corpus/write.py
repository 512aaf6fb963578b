"""The demo corpus as a MAESTRO root: table, MIDI files, licence."""

import csv
import io
import re
import unicodedata

from storage.corpus import COLUMNS
from storage.demo_corpus import CSV_NAME, YEARS
from storage.midi import write_midi
from tools.demo_corpus.pianist import draw_pianists
from tools.demo_corpus.pieces import PIECES
from tools.demo_corpus.play import play
from tools.demo_corpus.score import Piece

SEED = 0
LICENSE = """\
The music in this folder is in the public domain. The renditions (the MIDI files and the table
that lists them) were made by a program, not recorded, and are dedicated to the public domain
under CC0 1.0 Universal: to the extent possible under law, the authors have waived all copyright
and related or neighbouring rights to them.

SPDX-License-Identifier: CC0-1.0
https://creativecommons.org/publicdomain/zero/1.0/legalcode
"""


def file_stem(piece: Piece) -> str:
    """Return a file name for a piece: ASCII letters, digits and hyphens."""
    surname = piece.composer.rsplit(" ", 1)[-1]
    plain = unicodedata.normalize("NFKD", f"{surname} {piece.title}".replace("#", " sharp"))
    ascii_only = plain.encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")


def corpus_files() -> dict[str, bytes]:
    """Return every file of the root: its path to its bytes, the table last."""
    files = {"LICENSE": LICENSE.encode()}
    table = io.StringIO()
    rows = csv.DictWriter(table, COLUMNS, lineterminator="\n")
    rows.writeheader()
    for piece in PIECES:
        pianists = draw_pianists(SEED, piece.title, len(YEARS))
        for rendition, (year, pianist) in enumerate(zip(YEARS, pianists, strict=True), start=1):
            performance = play(piece, pianist, seed=SEED, rendition=rendition)
            path = f"{year}/{file_stem(piece)}--{rendition}.midi"
            files[path] = write_midi(performance)
            values = (piece.composer, piece.title, piece.split, year, path, "")
            duration = f"{performance.duration_s:.5f}"
            rows.writerow(dict(zip(COLUMNS, (*values, duration), strict=True)))
    return files | {CSV_NAME: table.getvalue().encode()}
