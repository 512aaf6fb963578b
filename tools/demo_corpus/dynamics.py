"""How loud: the velocity of each note."""

import numpy as np

from tools.demo_corpus.pianist import Pianist
from tools.demo_corpus.score import LEVELS, Piece, ScoreNote
from tools.demo_corpus.tempo import FloatArray, arch, phrase_bounds_q

ACCENT = 11.0
GRACE_SOFTER = 6.0
HIGH_LOUD = 0.35
"""Velocities a semitone above the voice's middle ("high loud", Friberg, Bresin & Sundberg 2006)."""
INNER_SHARE = 0.4
"""How much of the voicing is had by playing the inner voices softer, the rest by the melody."""
COUNTER_SHARE = 0.65
"""How near to the melody a voice that answers it comes, as a share of the voicing."""
UNDER_THE_TOP = 7.0
"""How much softer the inner notes of a chord are than its top note."""
SOFTEST, LOUDEST = 12, 115


def marked_level(piece: Piece, position_q: FloatArray) -> FloatArray:
    """Return the velocity that the piece's dynamic marks ask for at each position."""
    level = np.empty_like(position_q)
    marks = [mark.split(":") for mark in piece.dynamics.split()]
    for number, (place, mark) in enumerate(marks):
        start_q, here = piece.place_q(place), LEVELS[mark.rstrip("<>")]
        after = position_q >= start_q
        level[after] = here
        if mark[-1] in "<>":
            next_place, next_mark = marks[number + 1]
            share = (position_q - start_q) / (piece.place_q(next_place) - start_q)
            level[after] = (here + (LEVELS[next_mark.rstrip("<>")] - here) * share)[after]
    return level


def metrical_weight(piece: Piece, onset_q: FloatArray) -> FloatArray:
    """Return 1 on a bar's first beat, less on its other beats, and -0.5 between beats."""
    in_bar_q = (onset_q - piece.place_q("1")) % float(piece.bar_q)
    on_beat = np.isclose(in_bar_q % float(piece.beat_q), 0.0)
    half = np.isclose(in_bar_q, float(piece.bar_q) / 2)
    weight = np.select([np.isclose(in_bar_q, 0.0), half, on_beat], [1.0, 0.5, 0.1], default=-0.5)
    return np.asarray(weight, np.float64)


def balance(piece: Piece, notes: list[ScoreNote], pianist: Pianist) -> FloatArray:
    """Return how much louder each note is for its place in the texture, in velocities.

    The melody stands `voicing` above the inner voices, a chord's top note above the rest of it
    (Goebl 2001), and higher notes of a voice above lower ones.
    """
    above_inner = {
        "melody": pianist.voicing,
        "counter": COUNTER_SHARE * pianist.voicing,
        "bass": pianist.bass_weight,
        "inner": 0.0,
    }
    top: dict[tuple[int, float], int] = {}
    for note in notes:
        chord = note.voice, note.onset_q
        top[chord] = max(note.pitch, top.get(chord, 0))
    middle = [
        np.median([note.pitch for note in notes if note.voice == voice])
        for voice in range(len(piece.voices))
    ]
    louder = np.full(len(notes), -INNER_SHARE * pianist.voicing)
    for number, note in enumerate(notes):
        role = piece.voices[note.voice].role
        louder[number] += above_inner[role] + HIGH_LOUD * (note.pitch - middle[note.voice])
        if role != "bass" and note.pitch < top[note.voice, note.onset_q]:
            louder[number] -= UNDER_THE_TOP
    return louder


def draw_velocities(
    piece: Piece, notes: list[ScoreNote], pianist: Pianist, rng: np.random.Generator
) -> FloatArray:
    """Return the velocity of each note, unrounded, within `SOFTEST` to `LOUDEST`.

    Marks, balance, metre and accents add up; loudness swells with tempo (Todd 1992).
    """
    onset_q = np.array([note.onset_q for note in notes])
    swell = arch(onset_q, phrase_bounds_q(piece, max(note.end_q for note in notes))) - 0.5
    emphasis = np.array([ACCENT * note.accent - GRACE_SOFTER * (note.grace > 0) for note in notes])
    velocity = (
        marked_level(piece, onset_q)
        + balance(piece, notes, pianist)
        + pianist.loudness
        + pianist.phrasing * swell
        + pianist.metrical_accent * metrical_weight(piece, onset_q)
        + emphasis
        + rng.normal(0.0, pianist.touch_noise, len(notes))
    )
    return np.asarray(np.clip(velocity, SOFTEST, LOUDEST), np.float64)
