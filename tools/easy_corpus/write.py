"""The easy corpus as a MAESTRO root: table, MIDI files, licence."""

import csv
import io
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from degradation.seeds import stream, unit_interval
from storage.corpus import COLUMNS
from storage.files import whole_file
from storage.midi import write_midi
from tools.demo_corpus.pianist import Pianist, draw_pianists
from tools.demo_corpus.play import play_notes
from tools.demo_corpus.score import LEVELS, Piece, Role, ScoreNote, Split, Touch, Voice
from tools.easy_corpus.accompany import accompany
from tools.easy_corpus.scores import SOURCES, Score, WrittenNote, find_scores

CSV_NAME = "maestro-v3.0.0.csv"
YEARS = tuple(range(2001, 2011))
SPLITS: tuple[tuple[float, Split], ...] = ((0.7, "train"), (0.85, "validation"), (1.0, "test"))
"""Cumulative shares of the pieces."""

SLOWEST_BPM, FASTEST_BPM = 52.0, 120.0
"""Beats a minute: the marked tempo of pieces for learners, log-uniform."""

EASY_INTERVAL_S, HELD_BACK = 0.38, 0.6
"""Players hold a marked tempo back where notes are many and press on where they are few: by this
share of the way (in logarithms) to this median interval between notes, 2.6 a second (spontaneous
rates are 2 to 3: Fraisse 1982, "Rhythm and tempo")."""

PHRASE_BARS = 4

VOICING, BASS_WEIGHT, LOUDNESS, TOUCH_NOISE = (2.0, 30.0), (-4.0, 10.0), (-16.0, 6.0), (2.0, 5.0)
"""Ranges of a player's habits, in MIDI velocities (see `Pianist`)."""

MIDDLE_PITCH = 72
"""Melodies without a second part are moved by octaves towards this pitch."""

Parts = list[tuple[Role, list[WrittenNote]]]
"""A piece's parts from the top, each with its place in the texture."""

LICENSE = """\
Attribution-NonCommercial-ShareAlike 4.0 International

The renditions in this folder (the MIDI files and the table that lists them) were made by a
program and are licensed under CC BY-NC-SA 4.0
(https://creativecommons.org/licenses/by-nc-sa/4.0/legalcode). The music is in the public domain;
its encodings come with music21 (Michael Scott Asato Cuthbert), from these sources, which the
table's composers name:

"""


def write_corpus(root: Path, *, limit: int | None, log: Callable[[str], None]) -> int:
    """Write the root, its table last; return how many pieces it holds."""
    table = io.StringIO()
    rows = csv.DictWriter(table, COLUMNS, lineterminator="\n")
    rows.writeheader()
    played = 0
    for source in SOURCES:
        before = played
        for score in find_scores(source, limit):
            piece, notes = arrange(score)
            performance = play_notes(piece, notes, draw_player(piece), seed=0, rendition=1)
            year = YEARS[int(unit_interval(0, "easy year", piece.title) * len(YEARS))]
            path = f"{year}/{source.name}-{played - before + 1:03d}-{file_stem(score.title)}.midi"
            write_whole(root / path, write_midi(performance))
            duration = f"{performance.duration_s:.5f}"
            values = (piece.composer, piece.title, piece.split, year, path, "", duration)
            rows.writerow(dict(zip(COLUMNS, values, strict=True)))
            played += 1
        log(f"{source.name}: {played - before} pieces")
    terms = "\n".join(f"- {source.name}: {source.terms}" for source in SOURCES)
    write_whole(root / "LICENSE", (LICENSE + terms + "\n").encode())
    write_whole(root / CSV_NAME, table.getvalue().encode())
    return played


def arrange(score: Score) -> tuple[Piece, list[ScoreNote]]:
    """Return a score as a piece to be played, with the marks that it lacks, and its notes.

    A single part gets an accompaniment; dynamics, touch, tempo and pedal are drawn.
    """
    rng = stream(0, "easy corpus", score.source.name, score.title)
    parts: Parts
    if len(score.parts) == 1:
        middle = np.median([note.pitch for note in score.parts[0]])
        octaves = 12 * round((MIDDLE_PITCH - middle) / 12)
        melody = [WrittenNote(n.onset_q, n.length_q, n.pitch + octaves) for n in score.parts[0]]
        parts = [("melody", melody), *accompany(score, rng).items()]
    else:
        top, *middle, bottom = map(list, score.parts)
        parts = [("melody", top), *(("inner", part) for part in middle), ("bass", bottom)]
    parts = without_unisons(parts)
    touches: list[Touch] = ["legato", "legato", "detached"]
    bars = max(int((score.end_q - score.anacrusis_q) / score.bar_q), 1)
    begins = list(range(1, bars + 1, PHRASE_BARS))
    levels = [list(LEVELS)[int(at)] for at in rng.integers(1, 5, len(begins))]
    slopes = [str(each) for each in rng.choice(["", "<", ">"], len(begins) - 1)] + [""]
    beat_q = 1.5 if score.metre in ("6/8", "3/8") else score.bar_q / int(score.metre[0])
    pace = float(np.exp(rng.uniform(np.log(SLOWEST_BPM), np.log(FASTEST_BPM))))
    onsets_q = np.unique([note.onset_q for _, notes in parts for note in notes])
    interval_s = float(np.median(np.diff(onsets_q))) * 60 / (pace * beat_q)
    pace *= (interval_s / EASY_INTERVAL_S) ** HELD_BACK
    place = unit_interval(0, "easy split", score.title)
    piece = Piece(
        composer=score.source.composer,
        title=f"{score.title} ({score.source.name})",
        split=next(split for share, split in SPLITS if place < share),
        metre=score.metre,
        anacrusis=str(Fraction(score.anacrusis_q / 4).limit_denominator(64)),
        quarter_bpm=pace * beat_q,
        freedom=float(rng.uniform(0.2, 0.8)),
        voices=tuple(
            Voice(role=role, touch=touches[int(rng.integers(3))], bars="") for role, _ in parts
        ),
        phrases=" ".join(map(str, begins)),
        dynamics=" ".join(map("{}:{}{}".format, begins, levels, slopes)),
        pedal=f"1-{bars}/{rng.integers(1, 3)}" if rng.random() < 0.6 else "",
    )
    return piece, [
        ScoreNote(
            voice=voice,
            onset_q=note.onset_q,
            length_q=note.length_q,
            pitch=note.pitch,
            staccato=False,
            accent=False,
            grace=0,
        )
        for voice, (_, notes) in enumerate(parts)
        for note in notes
    ]


def draw_player(piece: Piece) -> Pianist:
    """Return who plays a piece: an expert's habits, but hands balanced in many ways.

    In simple pieces good players differ in it more than virtuosos do: balance alone must not say
    who plays well.
    """
    (pianist,) = draw_pianists(0, piece.title, 1)
    rng = stream(0, "easy player", piece.title)
    return replace(
        pianist,
        voicing=float(rng.uniform(*VOICING)),
        bass_weight=float(rng.uniform(*BASS_WEIGHT)),
        loudness=float(rng.uniform(*LOUDNESS)),
        touch_noise=float(rng.uniform(*TOUCH_NOISE)),
    )


def without_unisons(parts: Parts) -> Parts:
    """Return the parts without keys that a part before strikes at once, and without empty parts."""
    struck: set[tuple[float, int]] = set()
    found: Parts = []
    for role, notes in parts:
        own = {(note.onset_q, note.pitch): note for note in notes}
        left = [note for place, note in sorted(own.items()) if place not in struck]
        struck |= own.keys()
        if left:
            found.append((role, left))
    return found


def file_stem(title: str) -> str:
    """Return a file name for a title: ASCII letters, digits and hyphens."""
    ascii_only = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")[:40]


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all."""
    with whole_file(str(path.parent), path.name) as file:
        file.write(content)
