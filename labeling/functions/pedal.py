"""How clean the pedalling is: what it lets clash, and when it is lifted.

CC64 is continuous (a median of 111 distinct values a MAESTRO file). Where it counts as down is
decided with hysteresis, so that a foot that rests near the middle makes no changes.
"""

import numpy as np
from numpy.typing import NDArray

from degradation.notes import SUSTAIN, NoteArray, PedalArray, Performance
from degradation.waveform import Waveform
from labeling.functions.events import first_of_chord
from labeling.functions.reading import Abstention, LabelingFunction, ScoreCurve

DOWN_FROM, UP_BELOW = 64, 40
"""CC64 at which the dampers count as lifted, and below which as back on the strings."""

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
"""Frames whose tones sum to less than this velocity are silence."""

LIFT_AFTER_ONSET_S = 0.06
"""When legato pedalling lifts: just after the new chord (MAESTRO windows: a median of 0.07 s)."""

WORST_LIFT_S = 0.3


def pedal_spans(pedal: PedalArray, duration_s: float) -> NDArray[np.float64]:
    """Return when the sustain pedal goes down and up again, in seconds, of shape (spans, 2)."""
    moved = pedal[pedal["controller"] == SUSTAIN]
    decided = moved[(moved["value"] >= DOWN_FROM) | (moved["value"] < UP_BELOW)]
    down = np.concatenate([[False], decided["value"] >= DOWN_FROM, [False]])
    time_s = np.append(decided["time_s"], duration_s)
    turned = np.flatnonzero(down[1:] != down[:-1])
    return np.asarray(time_s[turned].reshape(-1, 2), dtype=np.float64)


def decay_s(pitch: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a tone's decay time in seconds: roughly 3.5 s in the bass to 0.5 s in the treble."""
    return 0.5 + 3.0 * (108 - pitch) / 87


def sounding_until(notes: NoteArray, spans: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return when each note stops sounding: at the lift if its key is let go under the pedal.

    A note also ends where its key is struck again. Shape (n,), seconds.
    """
    offset_s = notes["offset_s"]
    span = np.searchsorted(spans[:, 0], offset_s, side="right") - 1
    lift_s = spans[np.maximum(span, 0), 1]
    until_s = np.where((span >= 0) & (offset_s < lift_s), lift_s, offset_s)
    by_key = np.lexsort((notes["onset_s"], notes["pitch"]))
    restruck = np.flatnonzero(np.diff(notes["pitch"][by_key].astype(np.int64)) == 0)
    earlier, later = by_key[restruck], by_key[restruck + 1]
    until_s[earlier] = np.minimum(until_s[earlier], notes["onset_s"][later])
    return until_s


def dissonance(loudness: NDArray[np.float64], pitch: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the mean dissonance of the pairs of tones that sound in each audible frame.

    `loudness` has shape (frames, notes). Silent frames are left out.
    """
    pitch_class = pitch % 12
    chroma = loudness @ (pitch_class[:, None] == np.arange(12)).astype(np.float64)
    total = chroma.sum(axis=1)
    shares = chroma[total > AUDIBLE] / total[total > AUDIBLE, None]
    pair = DISSONANCE[np.subtract.outer(np.arange(12), np.arange(12)) % 12]
    found: NDArray[np.float64] = ((shares @ pair) * shares).sum(axis=1)
    return found


def pedal_blur(performance: Performance, waveform: Waveform | None) -> float | Abstention:
    """Return the dissonance that the pedal adds to what the keys hold; no unit, above 0 is blur.

    The mean over time of `dissonance` of all that sounds, less that of the keys held alone; tones
    weigh by key velocity and decay. Within-score Spearman with PercePiano's pedal clean-blurred:
    +.38.
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
    heard = np.where((age_s >= 0) & (frame_s < sounding_until(notes, spans)), struck, 0.0)
    held = np.where((age_s >= 0) & (frame_s < notes["offset_s"]), struck, 0.0)
    with_pedal, keys_alone = dissonance(heard, notes["pitch"]), dissonance(held, notes["pitch"])
    if len(with_pedal) == 0:
        return FEW_NOTES
    return float(with_pedal.mean() - (keys_alone.mean() if len(keys_alone) else 0.0))


def lift_error(performance: Performance, waveform: Waveform | None) -> float | Abstention:
    """Return how far pedal lifts stray from just after a new chord, in seconds.

    Each lift's distance from `LIFT_AFTER_ONSET_S` after the nearest chord (at most
    `WORST_LIFT_S`), weighed by what it is about: the share of the sound at that moment that is
    old tones which only the pedal holds. Within-score Spearman with PercePiano's pedal
    clean-blurred: +.17, against +.03 for the plain pedal-to-onset distance.
    """
    notes = performance.notes
    if len(notes) < MIN_NOTES:
        return FEW_NOTES
    spans = pedal_spans(performance.pedal, performance.duration_s)
    if len(spans) == 0:
        return NO_PEDAL
    chord_s = notes["onset_s"][first_of_chord(notes)]
    lifted = (spans[:, 1] < performance.duration_s) & (spans[:, 1] >= chord_s[0])
    if lifted.sum() < MIN_LIFTS:
        return FEW_LIFTS
    press_s, lift_s = spans[lifted, 0][:, None], spans[lifted, 1][:, None]
    chord = np.searchsorted(chord_s, lift_s, side="right") - 1
    since_s = lift_s - chord_s[chord]
    until_s = np.append(chord_s, np.inf)[chord + 1] - lift_s
    from_nearest_s = np.where(until_s < since_s, -until_s, since_s)
    strayed_s = np.minimum(np.abs(from_nearest_s - LIFT_AFTER_ONSET_S), WORST_LIFT_S)[:, 0]
    new_s = chord_s[chord]
    age_s = np.maximum(new_s - notes["onset_s"], 0.0)
    loudness = notes["velocity"] * np.exp(-age_s / decay_s(notes["pitch"]))
    is_new = (notes["onset_s"] >= new_s) & (notes["onset_s"] <= lift_s)
    only_pedal = (
        (notes["onset_s"] < new_s) & (notes["offset_s"] > press_s) & (notes["offset_s"] < lift_s)
    )
    old = np.where(only_pedal, loudness, 0.0).sum(axis=1)
    new = np.where(is_new, loudness, 0.0).sum(axis=1)
    return float(np.mean(strayed_s * old / (old + new)))


MIDI_PEDAL_COHERENCE = LabelingFunction(
    name="MIDIPedalCoherence",
    unit="dissonance added by the pedal (0-1)",
    dimension="pedal_technique",
    listens_to="midi",
    measure=pedal_blur,
    curve=ScoreCurve(typical=0.081, weak=0.21),
)

MIDI_PEDAL_TIMING = LabelingFunction(
    name="MIDIPedalTiming",
    unit="s (of a lift from just after its chord, weighed by what it clears)",
    dimension="pedal_technique",
    listens_to="midi",
    measure=lift_error,
    curve=ScoreCurve(typical=0.036, weak=0.077),
)
