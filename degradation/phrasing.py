"""Flattened phrasing: the slow course of tempo and loudness is taken away, the detail kept."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from pydantic import Field

from degradation.edits import Edits
from degradation.melody_bass import chord_onsets
from degradation.notes import LOUDEST, SOFTEST, NoteArray, Performance
from degradation.operation import NoteOperation
from degradation.sampling import FloatArray, round_at_random
from degradation.timing import TimeMap, stretch_time, warp_time

SLOW_S = 1.0
"""Standard deviation of the Gaussian that separates slow shape from detail."""

FEWEST_CHORDS = 6
"""Fewer chords have no course of tempo."""

NOTICED_TEMPO, NOTICED_VELOCITY = 0.03, 3.6
"""A shape of less spread is not missed: 3 % over six intervals (Drake & Botte 1993), and midway
between 2.7 and 4.5 MIDI units (Slade et al. 2022)."""

RHYTHM = np.log([1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1, 3 / 2, 2, 3, 4])
"""Ratios of an interval to the beat that are tried, as natural logarithms."""

RHYTHM_COST = np.array([0.6, 0.6, 0.2, 0.6, 0.8, 0.0, 0.6, 0.2, 0.6, 0.6])
"""Cost of each ratio; the beat itself, its half and its double are preferred."""

BEATS = np.linspace(-0.7, 0.7, 57)
"""Beats that are tried, as natural logarithms over the median interval: half to double of it."""

TIMING_NOISE, HIGHEST_COST = 0.08, 4.0
"""Standard deviation of an interval about its tempo, and the cost of one that fits no rhythm."""

DRIFT_PER_ROOT_S = 0.12
"""Standard deviation of the change of tempo within a second."""


def local_means(
    at_s: FloatArray, weight: FloatArray, where_s: FloatArray, reach_s: float
) -> Callable[[FloatArray], FloatArray]:
    """Return what takes local means by a Gaussian kernel of standard deviation `reach_s`.

    It takes values at times `at_s`, which have, like `weight`, shape (n,), and returns as many as
    there are times in `where_s`.
    """
    nearness = np.subtract.outer(where_s, at_s)  # in place from here on: it may be large
    nearness /= reach_s
    nearness *= nearness
    # Relative to the nearest value: after a long rest all weights would underflow.
    nearness -= np.min(nearness, axis=-1, keepdims=True)
    nearness *= -0.5
    np.exp(nearness, out=nearness)
    nearness *= weight
    total = nearness.sum(axis=-1)
    return lambda value: np.asarray(nearness @ value / total)


def slow_course(value: FloatArray, at_s: FloatArray, weight: FloatArray) -> TimeMap:
    """Return the slow part of values given at `at_s`, constant before the first and after the last.

    The local mean plus the local mean of its residual ("twicing", Tukey 1977): at edges and peaks
    one mean alone would leave a fifth. All arguments have shape (n,), and are not empty.
    """
    rest = value - local_means(at_s, weight, at_s, SLOW_S)(value)

    def course(time_s: FloatArray) -> FloatArray:
        mean = local_means(at_s, weight, np.clip(time_s, at_s[0], at_s[-1]), SLOW_S)
        return mean(value) + mean(rest)

    return course


def loudness_shape(velocity: FloatArray, onset_s: FloatArray) -> FloatArray:
    """Return the slow course of velocities at each onset; both of shape (n,), not empty."""
    return slow_course(velocity, onset_s, np.ones(len(velocity)))(onset_s)


def tempo_shape(notes: NoteArray) -> TimeMap:
    """Return the slow course of the beat, as a logarithm without a mean; 0 for too few chords."""
    onset_s = chord_onsets(notes["onset_s"])
    if len(onset_s) < FEWEST_CHORDS:
        return lambda time_s: np.zeros_like(time_s)
    interval_s, middle_s = np.diff(onset_s), (onset_s[:-1] + onset_s[1:]) / 2
    beat = follow_beat(onset_s)
    return slow_course(beat - np.average(beat, weights=interval_s), middle_s, interval_s)


def follow_beat(onset_s: FloatArray) -> FloatArray:
    """Return the logarithm of the beat in each interval between onsets, of shape (onsets - 1,).

    The course of the beat that best explains the intervals as simple multiples of a slowly
    changing tempo (Viterbi 1967, over a grid of beats). Its mean is arbitrary: quarters and
    eighths fit as well. `onset_s` holds two onsets or more, rising. On the demo corpus, whose
    tempo is known, its slow course in windows of 10 s correlates with the true one by .9 and more.
    """
    interval_s = np.diff(onset_s)
    away = np.log(interval_s / np.median(interval_s))[:, None] - BEATS
    misfit = (away - RHYTHM[:, None, None]) ** 2 / (2 * TIMING_NOISE**2)
    cost = np.minimum((misfit + RHYTHM_COST[:, None, None]).min(axis=0), HIGHEST_COST)
    step = (BEATS[:, None] - BEATS) ** 2 / (2 * DRIFT_PER_ROOT_S**2)
    total, came_from = cost[0], np.zeros(cost.shape, dtype=np.intp)
    middle_s, beats = onset_s[:-1] + interval_s / 2, np.arange(len(BEATS))
    for at, passed_s in enumerate(np.diff(middle_s), start=1):
        paths = total + step / passed_s
        came_from[at] = paths.argmin(axis=1)
        total = paths[beats, came_from[at]] + cost[at]
    best = np.empty(len(interval_s), dtype=np.intp)
    best[-1] = total.argmin()
    for at in range(len(best) - 1, 0, -1):
        best[at - 1] = came_from[at, best[at]]
    return BEATS[best]


class FlattenedPhrasing(NoteOperation):
    """The slow course of tempo and of velocity is drawn to the window's mean by `share` of it.

    Slow is what a Gaussian mean over `SLOW_S` keeps: swells and ritardandos over some seconds.
    Accents, voicing, rhythm and micro-timing stay; lengths and pedal move with the tempo.
    Only the rounding of velocities is random.

    No published threshold. One JND is taken as a share of 0.12, so that eight leave no shape. In
    the JNDs of tempo and of loudness themselves, no shape at all is about 2 and about 1 off the
    usual one (40 MAESTRO windows: a spread of 5.7 % and of 4.3 velocities in the median).
    """

    STRENGTH = ("share", 100, "%")
    operation: Literal["flattened_phrasing"] = "flattened_phrasing"
    share: float = Field(ge=0, le=1)

    def can_apply(self, performance: Performance) -> bool:
        """Return whether tempo or loudness has a shape that would be missed."""
        notes, at_s = performance.notes, np.arange(0.0, performance.duration_s, SLOW_S / 4)
        if len(chord_onsets(notes["onset_s"])) < FEWEST_CHORDS:
            return False
        swell = loudness_shape(notes["velocity"].astype(np.float64), notes["onset_s"])
        tempo = tempo_shape(notes)(at_s)
        return bool(tempo.std() >= NOTICED_TEMPO or swell.std() >= NOTICED_VELOCITY)

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a time shift and a velocity change for every note, and the pedal moved along."""
        notes = performance.notes
        if not self.share or not len(notes):
            return Edits()
        shape = tempo_shape(notes)
        even = stretch_time(lambda time_s: -self.share * shape(time_s), performance.duration_s)
        velocity, onset_s = notes["velocity"].astype(np.float64), notes["onset_s"]
        swell = loudness_shape(velocity, onset_s)
        louder = self.share * (swell.mean() - swell)
        reached = np.clip(velocity + round_at_random(rng, louder), SOFTEST, LOUDEST)
        return warp_time(performance, even, velocity_shift=reached - velocity)
