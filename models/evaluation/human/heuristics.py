"""Simple measures of playing that are often proposed.

Each is a number of one performance, NaN where there is nothing to measure.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degradation.melody_bass import EVENT_GAP_S
from degradation.notes import PEDAL_DOWN_FROM, SUSTAIN, Performance
from labeling.functions.events import first_of_chord
from models.evaluation.human.document import Sign

UNSTABLE, RANGE = "timing stable–unstable", "dynamic range little–large"
LONG, SATURATED = "articulation short–long", "pedal sparse–saturated"

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heuristic:
    """A measure, the scale and sign of its hypothesis, and the rho that `SCIENCE` §4 states."""

    name: str
    measure: Callable[[Performance], float]
    scale: str
    sign: Sign
    stated_rho: float


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
    interval_s = np.diff(performance.notes["onset_s"][first_of_chord(performance.notes)])
    return float(interval_s.std() / interval_s.mean()) if len(interval_s) else float("nan")


def velocity_span(performance: Performance) -> float:
    """Return the loudest key velocity less the softest."""
    return float(np.ptp(velocity(performance)))


def velocity_spread(performance: Performance) -> float:
    """Return the standard deviation of key velocity."""
    return float(velocity(performance).std())


def velocity_step(performance: Performance) -> float:
    """Return the mean absolute step of key velocity from note to note."""
    steps = np.diff(velocity(performance))
    return float(np.abs(steps).mean()) if len(steps) else float("nan")


def mean_velocity(performance: Performance) -> float:
    """Return the mean key velocity."""
    return float(velocity(performance).mean())


def duration_variation(performance: Performance) -> float:
    """Return the coefficient of variation of how long keys are held."""
    held_s = durations_s(performance)
    return float(held_s.std() / held_s.mean())


def overlap_ratio(performance: Performance) -> float:
    """Return how long keys are held on average, over the mean interval between chords."""
    interval_s = np.diff(performance.notes["onset_s"][first_of_chord(performance.notes)])
    if len(interval_s) == 0:
        return float("nan")
    return float(durations_s(performance).mean() / interval_s.mean())


def notes_per_s(performance: Performance) -> float:
    """Return the notes a second from the first onset to the last."""
    onset_s = performance.notes["onset_s"]
    span_s = float(onset_s[-1] - onset_s[0])
    return len(onset_s) / span_s if span_s > 0 else float("nan")


def pedal_changes_per_min(performance: Performance) -> float:
    """Return how often the sustain pedal goes down or up a minute."""
    down = pedal_depth(performance)[1] >= PEDAL_DOWN_FROM
    return float(60 * np.count_nonzero(down[1:] != down[:-1]) / performance.duration_s)


def pedal_share(performance: Performance) -> float:
    """Return the share of the time in which the sustain pedal is down."""
    time_s, depth = pedal_depth(performance)
    lasts_s = np.diff(time_s, append=performance.duration_s)
    return float(lasts_s[depth >= PEDAL_DOWN_FROM].sum() / performance.duration_s)


def pedal_distance_s(performance: Performance) -> float:
    """Return the mean distance of pedal changes from the nearest onset."""
    time_s, depth = pedal_depth(performance)
    down = depth >= PEDAL_DOWN_FROM
    changed_s = time_s[1:][down[1:] != down[:-1]]
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
    """Return when the sustain pedal moves, in seconds, and its depth from then on."""
    moved = performance.pedal[performance.pedal["controller"] == SUSTAIN]
    return moved["time_s"].astype(np.float64), moved["value"].astype(np.float64)


HEURISTICS: tuple[Heuristic, ...] = (
    Heuristic("deviation from a median-IOI grid", grid_deviation_s, UNSTABLE, 1, 0.08),
    Heuristic("variation of inter-onset intervals", interval_variation, UNSTABLE, 1, 0.39),
    Heuristic("velocity range", velocity_span, RANGE, 1, 0.19),
    Heuristic("velocity standard deviation", velocity_spread, RANGE, 1, 0.27),
    Heuristic("mean absolute velocity step", velocity_step, "dynamics mellow–raw", 1, -0.09),
    Heuristic("variation of durations", duration_variation, LONG, 1, -0.08),
    Heuristic("overlap ratio", overlap_ratio, LONG, 1, 0.15),
    Heuristic("pedal changes a minute", pedal_changes_per_min, SATURATED, 1, 0.16),
    Heuristic("share of time the pedal is down", pedal_share, SATURATED, 1, 0.19),
    Heuristic("pedal-to-onset distance", pedal_distance_s, "pedal clean–blurred", 1, 0.03),
    Heuristic("mean velocity", mean_velocity, "timbre soft–loud", 1, 0.28),
    Heuristic("mean velocity", mean_velocity, "energy low–high", 1, 0.35),
    Heuristic("notes a second", notes_per_s, "pace fast–slow", -1, -0.63),
)
"""The table of `SCIENCE` §4, as stated there before this code was written."""
