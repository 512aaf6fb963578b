"""Hand-made measures of playing: each is a number of one performance, NaN with nothing to measure.

Some are heuristics that are often proposed. Sixteen are the features of PercePiano's baseline, and
`PLAIN` is what `heuristics_only` learns from.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from degradation.hands import hand_balance
from degradation.melody_bass import EVENT_GAP_S, first_of_chord
from degradation.notes import PEDAL_DOWN_FROM, SUSTAIN, Performance
from labeling.functions.dynamics import velocity_roughness
from labeling.functions.pedal import pedal_blur
from labeling.functions.reading import Abstention
from labeling.functions.timing import tempo_instability, timing_variance
from labeling.regularity import (
    beat_course,
    chord_intervals_s,
    like_interval_change,
    longest_gap,
    longest_stop,
    median_interval,
    off_rhythm,
    stop_share,
)

PHRASE_CHORDS = 9
"""Chords over which loudness is averaged to a phrase's course."""

FloatArray = NDArray[np.float64]
Measure = Callable[[Performance], float]


def grid_deviation_s(performance: Performance) -> float:
    """Return the mean distance of onsets from a grid of the median inter-onset interval."""
    onset_s = performance.notes["onset_s"]
    interval_s = np.diff(onset_s)
    apart = interval_s[interval_s > EVENT_GAP_S]
    if len(apart) == 0:
        return float("nan")
    step_s = float(np.median(apart))
    place = (onset_s - onset_s[0]) / step_s
    return float(np.abs(place - np.rint(place)).mean() * step_s)


def interval_variation(performance: Performance) -> float:
    """Return the coefficient of variation of the intervals between chords."""
    interval_s = chord_intervals_s(performance)
    return float(interval_s.std() / interval_s.mean()) if len(interval_s) else float("nan")


def velocity_step(performance: Performance) -> float:
    """Return the mean absolute step of key velocity from note to note."""
    steps = np.diff(velocity(performance))
    return float(np.abs(steps).mean()) if len(steps) else float("nan")


def duration_variation(performance: Performance) -> float:
    """Return the coefficient of variation of how long keys are held."""
    held_s = durations_s(performance)
    return float(held_s.std() / held_s.mean())


def overlap_ratio(performance: Performance) -> float:
    """Return how long keys are held on average, over the mean interval between chords."""
    interval_s = chord_intervals_s(performance)
    if len(interval_s) == 0:
        return float("nan")
    return float(durations_s(performance).mean() / interval_s.mean())


def notes_per_s(performance: Performance) -> float:
    """Return the notes a second from the first onset to the last."""
    onset_s = performance.notes["onset_s"]
    span_s = float(onset_s[-1] - onset_s[0])
    return len(onset_s) / span_s if span_s > 0 else float("nan")


def chord_size(performance: Performance) -> float:
    """Return the notes a chord or single note has on average."""
    return len(performance.notes) / len(first_of_chord(performance.notes["onset_s"], EVENT_GAP_S))


def top_lead(performance: Performance) -> float:
    """Return by how much the highest note of a chord is louder than the rest, on average."""
    notes = performance.notes
    first = first_of_chord(notes["onset_s"], EVENT_GAP_S)
    of = np.repeat(np.arange(len(first)), np.diff(first, append=len(notes)))
    top = notes["pitch"] == np.maximum.reduceat(notes["pitch"], first)[of]
    loud = velocity(performance)
    return float(loud[top].mean() - loud[~top].mean()) if (~top).any() else float("nan")


def pedal_changes_per_min(performance: Performance) -> float:
    """Return how often the sustain pedal goes down or up a minute."""
    return 60 * len(pedal_changes_s(performance)) / performance.duration_s


def pedal_share(performance: Performance) -> float:
    """Return the share of the time in which the sustain pedal is down."""
    lasts_s, depth = pedal_depth(performance)
    return float(lasts_s[depth >= PEDAL_DOWN_FROM].sum() / performance.duration_s)


def mean_pedal(performance: Performance) -> float:
    """Return the sustain pedal's mean depth over time, 0-127."""
    lasts_s, depth = pedal_depth(performance)
    return float((lasts_s * depth).sum() / performance.duration_s)


def pedal_distance_s(performance: Performance) -> float:
    """Return the mean distance of pedal changes from the nearest onset."""
    changed_s = pedal_changes_s(performance)
    if len(changed_s) == 0:
        return float("nan")
    from_onsets_s = np.abs(np.subtract.outer(changed_s, performance.notes["onset_s"]))
    return float(from_onsets_s.min(axis=1).mean())


def velocity(performance: Performance) -> FloatArray:
    """Return key velocities as floats, (notes,)."""
    return performance.notes["velocity"].astype(np.float64)


def durations_s(performance: Performance) -> FloatArray:
    """Return how long each key is held, (notes,)."""
    held_s: FloatArray = performance.notes["offset_s"] - performance.notes["onset_s"]
    return held_s


def pedal_depth(performance: Performance) -> tuple[FloatArray, FloatArray]:
    """Return how long each position of the sustain pedal lasts, in seconds, and its depth."""
    moved = performance.pedal[performance.pedal["controller"] == SUSTAIN]
    lasts_s = np.diff(moved["time_s"].astype(np.float64), append=performance.duration_s)
    return lasts_s, moved["value"].astype(np.float64)


def pedal_changes_s(performance: Performance) -> FloatArray:
    """Return when the sustain pedal goes down or up."""
    moved = performance.pedal[performance.pedal["controller"] == SUSTAIN]
    down = moved["value"] >= PEDAL_DOWN_FROM
    changed_s: FloatArray = moved["time_s"][1:][down[1:] != down[:-1]].astype(np.float64)
    return changed_s


def velocity_span(performance: Performance) -> float:
    """Return the velocities between the softest and the loudest twentieth of the notes."""
    low, high = np.percentile(velocity(performance), [5, 95])
    return float(high - low)


def loudness_course(performance: Performance) -> float:
    """Return how much loudness rises and falls over phrases, in velocities.

    The standard deviation of chords' loudest notes, averaged over `PHRASE_CHORDS`.
    """
    loud = _chord_loudness(performance)
    if len(loud) < PHRASE_CHORDS:
        return float("nan")
    return float(np.convolve(loud, np.ones(PHRASE_CHORDS) / PHRASE_CHORDS, "valid").std())


def loudness_turns(performance: Performance) -> float:
    """Return the share of chords at which loudness turns from rising to falling or back."""
    step = np.diff(_chord_loudness(performance))
    return float(np.mean(step[1:] * step[:-1] < 0)) if len(step) > 1 else float("nan")


def _chord_loudness(performance: Performance) -> FloatArray:
    """Return the velocity of each chord's loudest note."""
    first = first_of_chord(performance.notes["onset_s"], EVENT_GAP_S)
    return np.maximum.reduceat(velocity(performance), first)


def chord_spread_s(performance: Performance) -> float:
    """Return how long it takes from a chord's first note to its last, on average."""
    onset_s = performance.notes["onset_s"]
    first = first_of_chord(onset_s, EVENT_GAP_S)
    last = np.append(first[1:], len(onset_s)) - 1
    several = last > first
    spread_s = onset_s[last] - onset_s[first]
    return float(spread_s[several].mean()) if several.any() else float("nan")


def _or_nan(measure: Callable[[Performance, None], float | Abstention]) -> Measure:
    def measured(performance: Performance) -> float:
        value = measure(performance, None)
        return float("nan") if isinstance(value, Abstention) else value

    return measured


FEATURES: Mapping[str, Measure] = {
    "notes a second": notes_per_s,
    "variation of inter-onset intervals": interval_variation,
    "timing variance": _or_nan(timing_variance),
    "tempo instability": _or_nan(tempo_instability),
    "mean velocity": lambda playing: float(velocity(playing).mean()),
    "velocity standard deviation": lambda playing: float(velocity(playing).std()),
    "velocity roughness": _or_nan(velocity_roughness),
    "lead of the top voice": top_lead,
    "mean duration": lambda playing: float(durations_s(playing).mean()),
    "overlap ratio": overlap_ratio,
    "mean pedal depth": mean_pedal,
    "share of time the pedal is down": pedal_share,
    "pedal changes a minute": pedal_changes_per_min,
    "dissonance added by the pedal": _or_nan(pedal_blur),
    "mean pitch": lambda playing: float(playing.notes["pitch"].mean()),
    "notes a chord": chord_size,
}
"""What a model has to beat before it has learnt anything; boosted trees can take NaN."""

MEASURES: Mapping[str, Measure] = {
    **FEATURES,
    "deviation from a median-IOI grid": grid_deviation_s,
    "velocity range": lambda playing: float(np.ptp(velocity(playing))),
    "mean absolute velocity step": velocity_step,
    "variation of durations": duration_variation,
    "pedal-to-onset distance": pedal_distance_s,
}


def measure_features(performance: Performance) -> FloatArray:
    """Return the baseline's features, (16,)."""
    return np.array([measure(performance) for measure in FEATURES.values()])


PLAIN: Mapping[str, Measure] = {
    **{name: MEASURES[name] for name in MEASURES if name not in ("mean pitch", "notes a chord")},
    "longest gap": longest_gap,
    "longest stop": longest_stop,
    "share of stops": stop_share,
    "distance from simple rhythms": off_rhythm,
    "straying of the beat": lambda playing: beat_course(playing)[0],
    "change of the beat": lambda playing: beat_course(playing)[1],
    "velocity span": velocity_span,
    "balance of the hands": lambda playing: hand_balance(playing.notes),
    "spread of chords": chord_spread_s,
    "median interval": median_interval,
    "change of like intervals": like_interval_change,
    "course of loudness": loudness_course,
    "turns of loudness": loudness_turns,
}
"""What `heuristics_only` learns from: nothing that says which music is played."""


def measure_plainly(performance: Performance) -> NDArray[np.float32]:
    """Return the values of `PLAIN`, (measures,); NaN where there is nothing to measure."""
    if not len(performance.notes):
        return np.full(len(PLAIN), np.nan, np.float32)
    with np.errstate(all="ignore"):
        return np.array([measure(performance) for measure in PLAIN.values()], np.float32)
