"""When: the tempo curve that turns score positions into seconds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools.demo_corpus.pianist import Pianist
from tools.demo_corpus.score import Piece

GRID_Q = 1 / 48
"""Step of the tempo curve in quarter notes."""

PHRASE_WEIGHT, PIECE_WEIGHT = 0.30, 0.16
"""Share of the squared speed that bends with a phrase, and with the whole piece, at rubato 1."""

TURN = 0.42
"""Where in a phrase tempo and loudness culminate, as a share of its length."""

RITARD_CURVATURE = 3
"""Friberg & Sundberg (1999) fit final ritardandos best with q = 3: constant braking power."""

LEAD_IN_S = 0.9
"""Silence before the first note."""

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class TempoMap:
    """Seconds at each point of an even grid of score positions."""

    position_q: FloatArray
    time_s: FloatArray

    def at(self, position_q: float | FloatArray) -> FloatArray:
        """Return the time in seconds of score positions in quarter notes."""
        return np.asarray(np.interp(position_q, self.position_q, self.time_s), np.float64)


def phrase_bounds_q(piece: Piece, end_q: float) -> FloatArray:
    """Return where phrases begin and, last, where the piece ends, in quarter notes."""
    return np.array([*(piece.place_q(place) for place in piece.phrases.split()), end_q])


def arch(position_q: FloatArray, bounds_q: FloatArray) -> FloatArray:
    """Return the phrase arch at each position: 0 where phrases meet, 1 where they culminate."""
    phrase = np.clip(np.searchsorted(bounds_q, position_q, "right") - 1, 0, len(bounds_q) - 2)
    share = (position_q - bounds_q[phrase]) / (bounds_q[phrase + 1] - bounds_q[phrase])
    return np.clip(np.minimum(share / TURN, (1 - share) / (1 - TURN)), 0.0, 1.0)


def pink_noise(rng: np.random.Generator, size: int) -> FloatArray:
    """Return noise of unit variance with about equal power an octave (1/f).

    Successive intervals of human timing drift like this (Gilden, Thornton & Mallon 1995).
    The sum of steps held for 1, 2, 4, … samples is Voss's way to make it.
    """
    octaves = max(int(np.log2(size)), 1)
    rows = [np.repeat(rng.normal(size=-(-size // 2**k)), 2**k)[:size] for k in range(octaves)]
    return np.asarray(np.sum(rows, axis=0) / np.sqrt(octaves))


def draw_tempo(
    piece: Piece, pianist: Pianist, last_q: float, end_q: float, rng: np.random.Generator
) -> TempoMap:
    """Return a pianist's tempo map of a piece whose last notes last from `last_q` to `end_q`.

    Squared speed rises and falls evenly along each phrase, as if pushed by a constant force
    (Todd 1992, "The dynamics of dynamics"), on two levels: phrases, and the whole. On top come
    a breath where phrases meet, slow drift, and a final ritardando.
    """
    position_q = np.arange(0.0, end_q + GRID_Q, GRID_Q)
    bounds_q = phrase_bounds_q(piece, end_q)
    rubato = pianist.rubato * piece.freedom
    squared = 1 + rubato * (
        PHRASE_WEIGHT * (arch(position_q, bounds_q) - 0.5)
        + PIECE_WEIGHT * (arch(position_q, bounds_q[[0, -1]]) - 0.5)
    )
    speed = np.sqrt(squared)
    beat_q = float(piece.beat_q)
    for bound_q in bounds_q[1:-1]:
        nearness = np.exp(-(((position_q - bound_q) / (0.6 * beat_q)) ** 2))
        speed *= 1 - pianist.breath * rubato * nearness
    steps = int(np.ceil(end_q / beat_q)) + 2
    drift = np.interp(position_q, np.arange(steps) * beat_q, pink_noise(rng, steps))
    speed *= np.exp(pianist.drift * drift)
    ritard_q = last_q - min(float(piece.bar_q), 3 * beat_q), last_q
    speed *= final_ritard(position_q, *ritard_q, pianist.final_speed**piece.freedom)
    quarters_a_second = speed * piece.quarter_bpm * pianist.tempo_ratio / 60
    elapsed_s = np.concatenate([[0.0], np.cumsum(GRID_Q / quarters_a_second[:-1])])
    return TempoMap(position_q, LEAD_IN_S + elapsed_s)


def final_ritard(
    position_q: FloatArray, start_q: float, last_q: float, final_speed: float
) -> FloatArray:
    """Return the speed factor of a ritardando into the last onset (Friberg & Sundberg 1999)."""
    share = np.clip((position_q - start_q) / (last_q - start_q), 0.0, 1.0)
    share[position_q >= last_q] = 0.0
    curvature = RITARD_CURVATURE
    return np.asarray((1 + (final_speed**curvature - 1) * share) ** (1 / curvature), np.float64)
