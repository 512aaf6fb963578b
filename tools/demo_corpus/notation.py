"""The notation in which pieces are entered: text for a voice to notes.

Bars are parted by `|`. A token is `pitches:length` and marks:

- pitches: `c4` (middle C), `f#5`, `bb3`, `g##4`; a chord is `c4+e4+g4`; `r` is a rest;
- length: `4` a quarter, `8.` a dotted eighth, `8t` an eighth of a triplet; a token without
  one takes the length of the token before it;
- marks: `~` ties to the next note of that pitch, `'` is staccato, `>` an accent;
- `/b4` is a small note before the one that follows, and takes no time of its own.

`R` is a bar's rest. `{...}*3` stands for what it holds three times over.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from tools.demo_corpus.score import Piece, ScoreNote

STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
TOKEN = re.compile(
    r"(?P<grace>/)?(?P<pitches>r|[a-g][#b]*\d(?:\+[a-g][#b]*\d)*)"
    r"(?::(?P<length>\d+t?\.?))?(?P<marks>[~'>]*)"
)
REPEAT = re.compile(r"\{([^{}]*)\}\*(\d+)")


def midi_pitch(name: str) -> int:
    """Return the MIDI number of a pitch such as `f#4`; middle C is `c4`, 60."""
    accidentals = name[1:-1].count("#") - name[1:-1].count("b")
    return 12 * (int(name[-1]) + 1) + STEPS[name[0]] + accidentals


def length_q(text: str) -> Fraction:
    """Return the length in quarter notes of `8`, `8.` or `8t`."""
    length = Fraction(4, int(text.rstrip(".t")))
    length *= Fraction(2, 3) if "t" in text else 1
    return length * (Fraction(3, 2) if "." in text else 1)


def unfold(text: str) -> str:
    """Return the text with each `{...}*n` written out, the innermost first."""
    while REPEAT.search(text):
        text = REPEAT.sub(lambda found: " ".join([found[1]] * int(found[2])), text)
    return text


@dataclass(frozen=True, slots=True)
class Token:
    """A note, chord, rest or small note, and where it stands."""

    where: str
    at_q: Fraction
    length_q: Fraction
    pitches: tuple[int, ...]
    marks: str
    is_grace: bool


def read_tokens(piece: Piece, voice: int) -> Iterator[Token]:
    """Yield a voice's tokens. Raises ValueError for a bad token, or a bar of the wrong length."""
    start_q, length = Fraction(0), Fraction(1)
    anacrusis_q = 4 * Fraction(piece.anacrusis)
    bars = unfold(piece.voices[voice].bars).split("|")
    for number, bar in enumerate(bars, start=0 if anacrusis_q else 1):
        where = f"{piece.title}, voice {voice + 1}, bar {number}"
        expected_q = anacrusis_q if number == 0 else piece.bar_q
        at_q = start_q
        for text in bar.split():
            if text == "R":
                at_q += expected_q
                continue
            found = TOKEN.fullmatch(text)
            if not found:
                raise ValueError(f"{where}: {text!r} is not a note, chord, rest or R")
            length = length_q(found["length"]) if found["length"] else length
            names = [] if found["pitches"] == "r" else found["pitches"].split("+")
            pitches = tuple(sorted(midi_pitch(name) for name in names))
            yield Token(where, at_q, length, pitches, found["marks"], bool(found["grace"]))
            at_q += 0 if found["grace"] else length
        if at_q - start_q != expected_q:
            raise ValueError(f"{where} lasts {at_q - start_q} quarter notes, expected {expected_q}")
        start_q = at_q


def parse_voice(piece: Piece, voice: int) -> list[ScoreNote]:
    """Return a voice's notes in order. Raises ValueError for a bad token, bar or tie."""
    notes: list[ScoreNote] = []
    graces: list[Token] = []
    tied: dict[int, ScoreNote] = {}
    where = ""
    for token in read_tokens(piece, voice):
        where = token.where
        if token.is_grace:
            graces.append(token)
            continue
        for back, grace in enumerate(reversed(graces), start=1):
            notes += [written(voice, grace, pitch, back) for pitch in grace.pitches]
        graces, held, tied = [], tied, {}
        for pitch in token.pitches:
            note = written(voice, token, pitch, 0)
            if pitch in held:
                begun = held.pop(pitch)
                notes.remove(begun)
                note = replace(begun, length_q=note.end_q - begun.onset_q)
            if "~" in token.marks:
                tied[pitch] = note
            notes.append(note)
        if held:
            raise ValueError(f"{where}: pitch {min(held)} is tied to nothing")
    if tied or graces:
        raise ValueError(f"{where}: the last tie or small note leads nowhere")
    return sorted(notes, key=lambda note: (note.onset_q, -note.grace, note.pitch))


def written(voice: int, token: Token, pitch: int, grace: int) -> ScoreNote:
    """Return one of a token's notes."""
    return ScoreNote(
        voice=voice,
        onset_q=float(token.at_q),
        length_q=float(token.length_q),
        pitch=pitch,
        staccato="'" in token.marks,
        accent=">" in token.marks,
        grace=grace,
    )


def parse_piece(piece: Piece) -> list[ScoreNote]:
    """Return every voice's notes, voice by voice. Raises ValueError where the text is wrong."""
    voices = [parse_voice(piece, voice) for voice in range(len(piece.voices))]
    return [note for notes in voices for note in notes]
