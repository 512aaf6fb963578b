"""A piece and a pianist to a performance."""

import numpy as np

from degradation.notes import (
    NOTE_DTYPE,
    TICKS_PER_S,
    Performance,
    release_before_restrike,
    snap,
)
from degradation.seeds import stream
from tools.demo_corpus.dynamics import draw_velocities
from tools.demo_corpus.notation import parse_piece
from tools.demo_corpus.pedalling import draw_pedal
from tools.demo_corpus.pianist import Pianist
from tools.demo_corpus.score import Piece, ScoreNote
from tools.demo_corpus.tempo import draw_tempo
from tools.demo_corpus.touch import draw_offsets, draw_onsets


def play(piece: Piece, pianist: Pianist, *, seed: int, rendition: int) -> Performance:
    """Return the piece as `pianist` plays it; see `play_notes`."""
    return play_notes(piece, parse_piece(piece), pianist, seed=seed, rendition=rendition)


def play_notes(
    piece: Piece, notes: list[ScoreNote], pianist: Pianist, *, seed: int, rendition: int
) -> Performance:
    """Return notes as `pianist` plays them, by the marks of `piece`; note ids are their places.

    Tempo, loudness, touch and pedal each draw from a stream of their own.
    """
    end_q = max(note.end_q for note in notes)
    tempo_rng, loudness_rng, onset_rng, offset_rng, pedal_rng = (
        stream(seed, "play", piece.title, str(rendition), part)
        for part in ("tempo", "loudness", "onset", "offset", "pedal")
    )
    last_q = max(note.onset_q for note in notes)
    tempo = draw_tempo(piece, pianist, last_q, end_q, tempo_rng)
    velocity = draw_velocities(piece, notes, pianist, loudness_rng)
    onset_s = draw_onsets(notes, velocity, tempo, pianist, onset_rng)
    offset_s = draw_offsets(piece, notes, onset_s, tempo, pianist, offset_rng)
    played = np.zeros(len(notes), dtype=NOTE_DTYPE)
    played["note_id"] = np.arange(len(notes))
    played["onset_s"], played["pitch"] = snap(onset_s), [note.pitch for note in notes]
    played["offset_s"] = np.maximum(snap(offset_s), played["onset_s"] + 1 / TICKS_PER_S)
    played["velocity"] = np.rint(velocity)
    played = release_before_restrike(played)
    pedal = draw_pedal(piece, tempo, pianist, end_q, pedal_rng)
    last_s = max(float(played["offset_s"].max()), float(pedal["time_s"].max(initial=0.0)))
    return Performance(notes=played, pedal=pedal, duration_s=last_s)
