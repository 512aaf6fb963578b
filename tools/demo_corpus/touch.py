"""How keys are struck and let go: asynchrony of chords, legato and staccato."""

import numpy as np

from tools.demo_corpus.pianist import Pianist
from tools.demo_corpus.score import Piece, ScoreNote
from tools.demo_corpus.tempo import FloatArray, TempoMap

GRACE_S = 0.075
"""How long a small note before the full one lasts."""
LIFT_S = 0.055
"""Time a key needs to come up before it is struck again."""
LAST_CHORD_S = (0.8, 1.6)
"""How much longer than written the last chord is held."""


def hammer_travel_s(velocity: FloatArray) -> FloatArray:
    """Return the time from the key's first movement to the hammer's touch, in seconds.

    It falls as a power of the hammer's speed, which grows with velocity by a factor of 2 every
    25 steps. The louder note of a chord sounds earlier, which is where a melody's lead of about
    30 ms comes from: at the keys, fingers are together (Goebl 2001, JASA 110). The constants are
    ours, set to give such leads.
    """
    hammer_speed_m_s = 2.0 ** ((velocity - 52) / 25)
    return np.asarray(0.09 * hammer_speed_m_s**-0.57, np.float64)


def draw_onsets(
    notes: list[ScoreNote],
    velocity: FloatArray,
    tempo: TempoMap,
    pianist: Pianist,
    rng: np.random.Generator,
) -> FloatArray:
    """Return when each note sounds, in seconds.

    The notes that one voice strikes together share most of their motor noise.
    """
    onset_s = tempo.at(np.array([note.onset_q for note in notes]))
    onset_s += pianist.hammer_lead * (hammer_travel_s(velocity) - hammer_travel_s(np.array(60.0)))
    together: dict[tuple[int, float], float] = {}
    own = rng.normal(0.0, 0.5 * pianist.motor_noise_s, len(notes))
    shared = rng.normal(0.0, 0.87 * pianist.motor_noise_s, len(notes))
    for number, note in enumerate(notes):
        stray_s = together.setdefault((note.voice, note.onset_q), float(shared[number]))
        onset_s[number] += own[number] + stray_s - GRACE_S * note.grace
    return onset_s


def draw_offsets(
    piece: Piece,
    notes: list[ScoreNote],
    onset_s: FloatArray,
    tempo: TempoMap,
    pianist: Pianist,
    rng: np.random.Generator,
) -> FloatArray:
    """Return when each key is let go, in seconds.

    Legato keys overlap into the next note of their voice, the more the slower it goes (Repp
    1995); a key that is struck again is lifted first; staccato notes keep a share of their
    length.
    """
    end_q = max(note.end_q for note in notes)
    starts = {(note.voice, note.onset_q) for note in notes}
    again = {(note.pitch, note.onset_q) for note in notes}
    looseness = rng.normal(1.0, 0.12, len(notes))
    last_s = rng.uniform(*LAST_CHORD_S)
    offset_s = np.empty_like(onset_s)
    for number, note in enumerate(notes):
        start_s, stop_s = (float(tempo.at(q)) for q in (note.onset_q, note.end_q))
        written_s, touch = stop_s - start_s, piece.voices[note.voice].touch
        if note.grace:
            held_s = GRACE_S * 1.1
        elif note.end_q == end_q and not note.staccato:
            held_s = written_s + last_s
        elif note.staccato or touch == "staccato":
            held_s = max(pianist.staccato_ratio * written_s * looseness[number], 0.05)
        elif touch == "detached":
            held_s = pianist.detached_ratio * written_s * looseness[number]
        elif (note.pitch, note.end_q) in again:
            held_s = written_s - LIFT_S * looseness[number]
        elif (note.voice, note.end_q) in starts:
            overlap_s = min(pianist.legato_overlap_s * looseness[number], 0.25 * written_s)
            held_s = written_s + overlap_s * min(1.0, 0.4 + written_s)
        else:
            held_s = 0.96 * written_s
        offset_s[number] = onset_s[number] + max(held_s, 0.03)
    return offset_s
