"""Scores of easy and middling pieces out of music21's own corpus."""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from degradation.errors import UserError
from degradation.seeds import stream

METRES = ("2/4", "3/4", "4/4", "2/2", "3/8", "6/8")
"""Metres whose beats the pianist knows; a piece has one."""

FEWEST_NOTES = 24
"""A shorter melody is no piece."""

LONGEST_Q = 160.0
"""Scores are cut at the end of the bar that reaches this many quarter notes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where scores are from: a name, what is searched in music21's corpus, and the terms."""

    name: str
    composer: str
    found_by: str
    most: int
    terms: str


SOURCES = (
    Source(
        name="chorales",
        composer="Johann Sebastian Bach",
        found_by="bach/bwv",
        most=150,
        terms="Harmonisations by J. S. Bach (public domain), as music21 ships them.",
    ),
    Source(
        name="ryan",
        composer="Traditional (Ryan's Mammoth Collection)",
        found_by="ryansMammoth/",
        most=150,
        terms="Tunes of Ryan's Mammoth Collection (1883, public domain), transcribed in ABC by "
        "Ray Davies, John Chambers and others, as music21 ships them.",
    ),
    Source(
        name="essen",
        composer="Traditional (Essen Folksong Collection)",
        found_by="essenFolksong/",
        most=400,
        terms="Folk songs of the Essen collection (Helmut Schaffrath, Ewa Dahlig-Turek; ABC by "
        "Seymour Schlien): use that is not commercial, by permission given to music21.",
    ),
)


@dataclass(frozen=True, slots=True)
class WrittenNote:
    """A note of a score. Position and length are in quarter notes."""

    onset_q: float
    length_q: float
    pitch: int

    @property
    def end_q(self) -> float:
        """Where it ends."""
        return self.onset_q + self.length_q


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A piece as it is written: `parts` from the top, chord symbols as (position, pitch classes).

    `sharps` is the key signature, flats below 0; `anacrusis_q` the length of the first, short bar.
    """

    title: str
    source: Source
    parts: tuple[tuple[WrittenNote, ...], ...]
    chords: tuple[tuple[float, tuple[int, ...]], ...]
    metre: str
    sharps: int
    anacrusis_q: float

    @property
    def bar_q(self) -> float:
        """Length of a bar in quarter notes."""
        beats, unit = map(int, self.metre.split("/"))
        return 4 * beats / unit

    @property
    def end_q(self) -> float:
        """Where the last note ends."""
        return max(note.end_q for part in self.parts for note in part)


def find_scores(source: Source, limit: int | None) -> Iterator[Score]:
    """Yield scores of a source, drawn at random but always the same ones.

    Raises UserError where music21 is missing.
    """
    try:
        import music21
    except ImportError as error:
        raise UserError(
            "music21 was not found; expected it, for it ships the scores: "
            "pip install -c constraints.txt -e '.[easy]'"
        ) from error
    paths = sorted(
        (path for path in music21.corpus.getPaths() if source.found_by in path.as_posix()),
        key=lambda path: path.as_posix(),
    )
    pieces = [piece for path in paths for piece in _pieces(path)]
    wanted, titles = min(source.most, limit or source.most), set()
    for at in stream(0, "easy corpus", source.name).permutation(len(pieces)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            name, content, form = pieces[at]
            score = _read(music21.converter.parse(content, format=form), source, name)
        if score is not None and score.title not in titles:
            titles.add(score.title)
            yield score
            if len(titles) == wanted:
                return


def _pieces(path: Path) -> Iterator[tuple[str, str, str | None]]:
    """Yield name, what music21 is to parse, and its format where that is no path.

    An ABC file may hold hundreds of tunes, and to read them all takes minutes.
    """
    if path.suffix != ".abc":
        yield path.stem, str(path), None
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    for tune in re.split(r"(?m)^(?=X:)", text)[1:]:
        yield path.stem, tune, "abc"


def _read(parsed: Any, source: Source, stem: str) -> Score | None:
    """Return a music21 stream as a score; None where it has no melody, or its metre changes."""
    from music21 import harmony

    whole = parsed.flatten()
    metres = {each.ratioString for each in whole.getElementsByClass("TimeSignature")}
    if len(metres) != 1 or (metre := metres.pop()) not in (
        "2/4",
        "3/4",
        "4/4",
        "2/2",
        "3/8",
        "6/8",
    ):
        return None
    keys = list(whole.getElementsByClass("KeySignature"))
    parts = []
    for part in parsed.parts if parsed.hasPartLikeStreams() else [parsed]:
        notes = tuple(
            WrittenNote(float(note.offset), float(note.duration.quarterLength), pitch.midi)
            for note in part.flatten().stripTies().notes
            if not isinstance(note, harmony.ChordSymbol) and note.duration.quarterLength > 0
            for pitch in note.pitches
            if note.offset < LONGEST_Q
        )
        if notes:
            parts.append(notes)
    if sum(map(len, parts)) < FEWEST_NOTES:
        return None
    named = getattr(parsed.metadata, "title", None) if parsed.metadata else None
    return Score(
        title=str(named or stem).strip().removesuffix(".mxl"),
        source=source,
        parts=tuple(parts),
        chords=tuple(
            (float(chord.offset), tuple(pitch.pitchClass for pitch in chord.pitches))
            for chord in whole.getElementsByClass(harmony.ChordSymbol)
            if len(chord.pitches) >= 3
        ),
        metre=metre,
        sharps=keys[0].sharps if keys else 0,
        anacrusis_q=_anacrusis_q(parsed),
    )


def _anacrusis_q(parsed: Any) -> float:
    part = parsed.parts[0] if parsed.hasPartLikeStreams() else parsed
    bars = part.getElementsByClass("Measure")
    if not bars:
        return 0.0
    lasts_q = float(bars[0].duration.quarterLength)
    return lasts_q if lasts_q < float(bars[0].barDuration.quarterLength) else 0.0
