"""How clean the pedalling is: dissonance that it adds, and how late it is lifted.

CC64 is continuous (a median of 111 distinct values a MAESTRO file). It counts as down with
hysteresis, so that a foot resting near the middle makes no changes.
"""

import numpy as np
from numpy.typing import NDArray

from degradation.melody_bass import EVENT_GAP_S, first_of_chord
from degradation.notes import (
    PEDAL_DOWN_FROM,
    SUSTAIN,
    NoteArray,
    PedalArray,
    Performance,
    next_strike,
)
from degradation.waveform import Waveform
from labeling.functions.reading import Abstention, LabelingFunction, ScoreCurve

UP_BELOW = 40
"""CC64 below which a pedal that was down counts as up again (hysteresis)."""

MIN_NOTES = 8
MIN_LIFTS = 2
FEW_NOTES = Abstention(f"fewer than {MIN_NOTES} notes")
NO_PEDAL = Abstention("the sustain pedal is never down")
FEW_LIFTS = Abstention(f"the sustain pedal is lifted fewer than {MIN_LIFTS} times")

DISSONANCE = np.array([0.0, 1.0, 0.683, 0.242, 0.320, 0.0, 0.635, 0.0, 0.320, 0.242, 0.683, 1.0])
"""Dissonance of an interval of 0-11 semitones, 1 the harshest.

Huron 1994 (Music Perception 11), aggregate dyadic consonance by interval class: -1.428, -0.582,
0.594, 0.386, 1.240, -0.453, turned over and scaled to 0-1; unisons and octaves are 0.
"""

FRAME_S = 0.1
AUDIBLE = 5.0
"""Frames whose tones sum to less than this velocity count as silent."""


def pedal_spans(pedal: PedalArray, duration_s: float) -> NDArray[np.float64]:
    """Return when the sustain pedal goes down and up again, in seconds, of shape (spans, 2)."""
    moved = pedal[pedal["controller"] == SUSTAIN]
    decided = moved[(moved["value"] >= PEDAL_DOWN_FROM) | (moved["value"] < UP_BELOW)]
    down = np.concatenate([[False], decided["value"] >= PEDAL_DOWN_FROM, [False]])
    time_s = np.append(decided["time_s"], duration_s)
    turned = np.flatnonzero(down[1:] != down[:-1])
    return np.asarray(time_s[turned].reshape(-1, 2), dtype=np.float64)


def decay_s(pitch: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a tone's decay time in seconds: roughly 3.5 s in the bass to 0.5 s in the treble."""
    return 0.5 + 3.0 * (108 - pitch) / 87


def sounding_until(notes: NoteArray, spans: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return when each note stops sounding, (n,), in seconds.

    At the pedal's lift if the key is released under the pedal, or when the key is struck again.
    """
    offset_s = notes["offset_s"]
    span = np.searchsorted(spans[:, 0], offset_s, side="right") - 1
    lift_s = spans[np.maximum(span, 0), 1]
    until_s = np.where((span >= 0) & (offset_s < lift_s), lift_s, offset_s)
    return np.minimum(until_s, next_strike(notes["pitch"], notes["onset_s"]))


def dissonance(loudness: NDArray[np.float64], pitch: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the mean dissonance of the pairs of tones in each audible frame.

    `loudness` has shape (frames, notes).
    """
    pitch_class = pitch % 12
    chroma = loudness @ (pitch_class[:, None] == np.arange(12)).astype(np.float64)
    total = chroma.sum(axis=1)
    shares = chroma[total > AUDIBLE] / total[total > AUDIBLE, None]
    pair = DISSONANCE[np.subtract.outer(np.arange(12), np.arange(12)) % 12]
    found: NDArray[np.float64] = ((shares @ pair) * shares).sum(axis=1)
    return found


def pedal_blur(performance: Performance, waveform: Waveform | None) -> float | Abstention:
    """Return the mean `dissonance` of all that sounds minus that of the held keys alone; no unit.

    Tones are weighted by key velocity and decay. Within-score Spearman with PercePiano's pedal
    clean-blurred: +.38.
    """
    notes = performance.notes
    if len(notes) < MIN_NOTES:
        return FEW_NOTES
    spans = pedal_spans(performance.pedal, performance.duration_s)
    if len(spans) == 0:
        return NO_PEDAL
    frame_s = np.arange(0.0, performance.duration_s, FRAME_S)[:, None]
    age_s = frame_s - notes["onset_s"]
    struck = notes["velocity"] * np.exp(-np.maximum(age_s, 0.0) / decay_s(notes["pitch"]))
    sounding = np.where((age_s >= 0) & (frame_s < sounding_until(notes, spans)), struck, 0.0)
    held = np.where((age_s >= 0) & (frame_s < notes["offset_s"]), struck, 0.0)
    with_pedal, keys_alone = dissonance(sounding, notes["pitch"]), dissonance(held, notes["pitch"])
    if len(with_pedal) == 0:
        return FEW_NOTES
    return float(with_pedal.mean() - (keys_alone.mean() if len(keys_alone) else 0.0))


def late_lift(performance: Performance, waveform: Waveform | None) -> float | Abstention:
    """Return how long old tones ring on under the pedal into a new chord, in seconds a chord.

    For each tone released before a chord: the time that it still sounds, at most to the next
    chord, weighted by its loudness relative to the chord's notes and by its most dissonant interval
    with them. The mean over chords of their sums is 0 where the pedal is lifted with every chord,
    or what it holds fits the new harmony. Within-score Spearman with PercePiano's pedal
    clean-blurred: +.17 on the two works that it was chosen on, +.59 on the one held out; the
    distance of lifts from chords reaches +.03 and +.25.
    """
    notes = performance.notes
    if len(notes) < MIN_NOTES:
        return FEW_NOTES
    spans = pedal_spans(performance.pedal, performance.duration_s)
    if len(spans) == 0:
        return NO_PEDAL
    if (spans[:, 1] < performance.duration_s).sum() < MIN_LIFTS:
        return FEW_LIFTS
    first = first_of_chord(notes["onset_s"], EVENT_GAP_S)
    chord_s = notes["onset_s"][first]
    loudness = notes["velocity"].astype(np.float64)
    new = np.add.reduceat(loudness, first) / np.diff(first, append=len(notes))
    pair = DISSONANCE[np.subtract.outer(notes["pitch"], notes["pitch"].astype(np.int64)) % 12]
    harshest = np.maximum.reduceat(pair, first, axis=1).T
    age_s = chord_s[:, None] - notes["onset_s"]
    is_old = (age_s > EVENT_GAP_S) & (notes["offset_s"] <= chord_s[:, None])
    next_s = np.append(chord_s[1:], performance.duration_s)[:, None]
    rings_s = np.minimum(sounding_until(notes, spans), next_s) - chord_s[:, None]
    share = loudness * np.exp(-np.maximum(age_s, 0.0) / decay_s(notes["pitch"])) / new[:, None]
    late_s = np.where(is_old, np.maximum(rings_s, 0.0) * share * harshest, 0.0)
    return float(late_s.sum(axis=1).mean())


MIDI_PEDAL_COHERENCE = LabelingFunction(
    name="MIDIPedalCoherence",
    unit="dissonance added by the pedal (0-1)",
    dimension="pedal_technique",
    measure=pedal_blur,
    curve=ScoreCurve(typical=0.081, weak=0.21),
)

MIDI_PEDAL_TIMING = LabelingFunction(
    name="MIDIPedalTiming",
    unit="s a chord (of old tones ringing on, weighed by what they clash with)",
    dimension="pedal_technique",
    measure=late_lift,
    curve=ScoreCurve(typical=0.13, weak=0.57),
)
