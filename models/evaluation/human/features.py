"""Sixteen hand-made features of a clip: what a model has to beat before it has learnt anything."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from degradation.notes import Performance
from labeling.functions.dynamics import velocity_roughness
from labeling.functions.events import first_of_chord
from labeling.functions.pedal import pedal_blur
from labeling.functions.reading import Abstention
from labeling.functions.timing import tempo_instability, timing_variance
from models.evaluation.human.heuristics import (
    durations_s,
    interval_variation,
    mean_velocity,
    notes_per_s,
    overlap_ratio,
    pedal_changes_per_min,
    pedal_depth,
    pedal_share,
    velocity_spread,
)


def mean_duration_s(performance: Performance) -> float:
    """Return how long keys are held on average."""
    return float(durations_s(performance).mean())


def chord_size(performance: Performance) -> float:
    """Return the notes a chord or single note has on average."""
    notes = performance.notes
    return len(notes) / len(first_of_chord(notes))


def mean_pitch(performance: Performance) -> float:
    """Return the mean MIDI pitch."""
    return float(performance.notes["pitch"].mean())


def top_lead(performance: Performance) -> float:
    """Return by how much the highest note of a chord is louder than the rest, on average."""
    notes = performance.notes
    first = first_of_chord(notes)
    velocity = notes["velocity"].astype(np.float64)
    of = np.repeat(np.arange(len(first)), np.diff(first, append=len(notes)))
    top = notes["pitch"] == np.maximum.reduceat(notes["pitch"], first)[of]
    return float(velocity[top].mean() - velocity[~top].mean()) if (~top).any() else float("nan")


def mean_pedal(performance: Performance) -> float:
    """Return the sustain pedal's mean depth over time, 0-127."""
    time_s, depth = pedal_depth(performance)
    lasts_s = np.diff(time_s, append=performance.duration_s)
    return float((lasts_s * depth).sum() / performance.duration_s)


def _or_nan(
    measure: Callable[[Performance, None], float | Abstention],
) -> Callable[[Performance], float]:
    def measured(performance: Performance) -> float:
        value = measure(performance, None)
        return float("nan") if isinstance(value, Abstention) else value

    return measured


FEATURES: Mapping[str, Callable[[Performance], float]] = {
    "notes a second": notes_per_s,
    "variation of inter-onset intervals": interval_variation,
    "timing variance": _or_nan(timing_variance),
    "tempo instability": _or_nan(tempo_instability),
    "mean velocity": mean_velocity,
    "velocity standard deviation": velocity_spread,
    "velocity roughness": _or_nan(velocity_roughness),
    "lead of the top voice": top_lead,
    "mean duration": mean_duration_s,
    "overlap ratio": overlap_ratio,
    "mean pedal depth": mean_pedal,
    "share of time the pedal is down": pedal_share,
    "pedal changes a minute": pedal_changes_per_min,
    "dissonance added by the pedal": _or_nan(pedal_blur),
    "mean pitch": mean_pitch,
    "notes a chord": chord_size,
}
"""The sixteen, by name; NaN where there is nothing to measure, which boosted trees can take."""


def measure_features(performance: Performance) -> NDArray[np.float64]:
    """Return the sixteen features, (16,)."""
    return np.array([measure(performance) for measure in FEATURES.values()])
