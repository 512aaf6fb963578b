"""A piece as it is written down: voices of notes, and the marks that shape its performance."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Role = Literal["melody", "counter", "inner", "bass"]
Touch = Literal["legato", "detached", "staccato"]
Split = Literal["train", "validation", "test"]

LEVELS = {"pp": 45.0, "p": 53.0, "mp": 60.0, "mf": 67.0, "f": 77.0, "ff": 88.0}
"""MIDI velocity about which each dynamic mark is played, before voicing and phrasing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """One line of a piece: its part in the texture, its touch, and its notes (see `notation`)."""

    role: Role
    touch: Touch = "legato"
    bars: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece or an excerpt of one, with the marks a performance follows.

    Places are `bar` or `bar.unit`, both from 1, in the units of the metre (in 6/8, eighths);
    bar 0 is the anacrusis. `phrases` lists where phrases begin; `dynamics` lists `place:mark`,
    where `<` or `>` after the mark leads evenly to the next one; `pedal` lists
    `first-last/changes` in bars and changes a bar; `soft` lists `first-last` bars that may be
    played with the left pedal. `metre` and `anacrusis` are fractions of a whole note;
    `quarter_bpm` is the middle tempo in quarter notes a minute, and `freedom` says how far the
    style lets a performance bend it (1 in slow romantic music).
    """

    composer: str
    title: str
    split: Split
    metre: str
    quarter_bpm: float
    freedom: float = 1.0
    voices: tuple[Voice, ...]
    phrases: str
    dynamics: str
    pedal: str = ""
    soft: str = ""
    anacrusis: str = "0"

    @property
    def bar_q(self) -> Fraction:
        """Length of a bar in quarter notes."""
        return 4 * Fraction(self.metre)

    @property
    def beat_q(self) -> Fraction:
        """Length of a beat in quarter notes: the metre's unit, or three eighths in 6/8."""
        beats, unit = (int(number) for number in self.metre.split("/"))
        return Fraction(4 * (3 if beats == 6 else 1), unit)

    def place_q(self, place: str) -> float:
        """Return a place in quarter notes from the start of the piece."""
        bar, _, unit = place.partition(".")
        if int(bar) == 0:
            return 0.0
        unit_q = Fraction(4, int(self.metre.split("/")[1]))
        anacrusis_q = 4 * Fraction(self.anacrusis)
        return float(anacrusis_q + (int(bar) - 1) * self.bar_q + (int(unit or 1) - 1) * unit_q)

    def bars_q(self, bars: str) -> tuple[float, float]:
        """Return where a range of bars such as `3-5` or `7` begins and ends."""
        first, _, last = bars.partition("-")
        return self.place_q(first), self.place_q(str(int(last or first) + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreNote:
    """A written note. Positions and lengths are in quarter notes from the start.

    `grace` is 0 for a full note, and 1, 2, … for small notes, counted back from the full one.
    """

    voice: int
    onset_q: float
    length_q: float
    pitch: int
    staccato: bool
    accent: bool
    grace: int

    @property
    def end_q(self) -> float:
        """Where the note ends."""
        return self.onset_q + self.length_q
