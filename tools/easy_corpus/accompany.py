"""A second hand for melodies: chords, and simple accompaniments of several styles."""

from collections.abc import Callable

import numpy as np

from tools.demo_corpus.score import Role
from tools.easy_corpus.scores import Score, WrittenNote

Accompaniment = dict[Role, list[WrittenNote]]
"""Notes by their part in the texture, `bass` or `inner`."""

TRIADS = {0: (0, 4, 7), 2: (2, 5, 9), 5: (5, 9, 0), 7: (7, 11, 2), 9: (9, 0, 4)}
"""Pitch classes above a major key's tonic of the chords that melodies are given: I ii IV V vi."""

LIKING = {0: 0.6, 2: 0.1, 5: 0.3, 7: 0.4, 9: 0.1}
"""How much notes in quarter-note lengths a chord is ahead by itself."""

ON_THE_BEAT = 1.5
"""How much more a note counts that begins with the bar."""

LOWEST_BASS, LOWEST_INNER = 36, 48
"""Lowest pitches of the two parts; each chord note is the first of its class from there up."""


def harmonise(score: Score) -> list[tuple[float, tuple[int, ...]]]:
    """Return a chord for each bar as (position, pitch classes, root first).

    The score's own chord symbols where it has them; else, of five chords of the key, the one that
    holds most of the bar's melody. The last bar is the tonic.
    """
    if score.chords:
        return list(score.chords)
    tonic = (7 * score.sharps) % 12
    chords, at_q = [], score.anacrusis_q
    while at_q < score.end_q:
        lasts_q = dict.fromkeys(range(12), 0.0)
        for note in score.parts[0]:
            inside_q = min(note.end_q, at_q + score.bar_q) - max(note.onset_q, at_q)
            if inside_q > 0:
                weight = ON_THE_BEAT if note.onset_q == at_q else 1.0
                lasts_q[(note.pitch - tonic) % 12] += weight * inside_q
        fits = {
            root: sum(lasts_q[each] for each in triad) + LIKING[root]
            for root, triad in TRIADS.items()
        }
        is_last = at_q + score.bar_q >= score.end_q
        root = 0 if is_last else max(fits, key=fits.__getitem__)
        chords.append((at_q, tuple((tonic + each) % 12 for each in TRIADS[root])))
        at_q += score.bar_q
    return chords


def accompany(score: Score, rng: np.random.Generator) -> Accompaniment:
    """Return a left hand for a score of one part, in a style drawn for it."""
    style = STYLES[int(rng.integers(len(STYLES)))]
    beat_q = 1.5 if score.metre in ("6/8", "3/8") else score.bar_q / int(score.metre[0])
    chords, found = harmonise(score), Accompaniment()
    ends_q = [*(at_q for at_q, _ in chords[1:]), score.end_q]
    for (at_q, classes), end_q in zip(chords, ends_q, strict=True):
        bass = LOWEST_BASS + (classes[0] - LOWEST_BASS) % 12
        inner = sorted(LOWEST_INNER + (each - LOWEST_INNER) % 12 for each in classes[:3])
        count = max(1, round((end_q - at_q) / beat_q))
        for role, begin, beats, pitch in style(bass, inner, count):
            onset_q = at_q + begin * beat_q
            length_q = min(beats * beat_q, end_q - onset_q)
            if length_q > 0.05:
                found.setdefault(role, []).append(WrittenNote(onset_q, length_q, pitch))
    return found


Struck = list[tuple[Role, float, float, int]]
"""Notes of a chord as (role, beat, length in beats, pitch)."""


def block(bass: int, inner: list[int], beats: int) -> Struck:
    """Return the chord, held."""
    return [("inner", 0, beats, pitch) for pitch in inner]


def halves(bass: int, inner: list[int], beats: int) -> Struck:
    """Return the chord every other beat."""
    return [("inner", at, 2, pitch) for at in range(0, beats, 2) for pitch in inner]


def stride(bass: int, inner: list[int], beats: int) -> Struck:
    """Return the bass on the first beat and the chord on the others."""
    after: Struck = [("inner", at, 1, pitch) for at in range(1, beats) for pitch in inner]
    return [("bass", 0, 1, bass), *after]


def held_bass(bass: int, inner: list[int], beats: int) -> Struck:
    """Return the bass alone."""
    return [("bass", 0, beats, bass)]


def fifths(bass: int, inner: list[int], beats: int) -> Struck:
    """Return the bass and its fifth, held."""
    return [("bass", 0, beats, bass), ("bass", 0, beats, bass + 7)]


def broken(bass: int, inner: list[int], beats: int) -> Struck:
    """Return the chord's notes one after the other, two a beat (Alberti)."""
    order = (inner[0], inner[-1], inner[len(inner) // 2], inner[-1])
    return [("inner", at / 2, 0.5, order[at % 4]) for at in range(2 * beats)]


STYLES: tuple[Callable[[int, list[int], int], Struck], ...] = (
    block,
    halves,
    stride,
    held_bass,
    fifths,
    broken,
)
