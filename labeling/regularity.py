"""How regular playing is in time: measures of the intervals between chords and single notes.

Each is a number of one performance, NaN with nothing to measure.
"""

import functools

import numpy as np
from numpy.typing import NDArray

from degradation.melody_bass import EVENT_GAP_S, chord_onsets
from degradation.notes import Performance
from degradation.phrasing import follow_beat

STOP, AROUND, FEWEST_CHORDS = 2.5, 9, 6
"""An interval this many times its neighbours' is a stop; neighbours on either side; fewest chords
that have a beat."""

ALIKE = 0.5
"""Octaves by which two intervals of the same written length differ at most."""

FloatArray = NDArray[np.float64]


def chord_intervals_s(performance: Performance) -> FloatArray:
    """Return the intervals between the onsets of chords and single notes."""
    return np.diff(chord_onsets(performance.notes["onset_s"], EVENT_GAP_S))


def median_interval(performance: Performance) -> float:
    """Return the median interval between chords, as log2 of seconds: how slow the playing is."""
    gap_s = chord_intervals_s(performance)
    return _log2(float(np.median(gap_s))) if len(gap_s) else float("nan")


def like_interval_change(performance: Performance) -> float:
    """Return by how many octaves intervals differ from the one before, where both are alike.

    Larger steps are the score's rhythm; these are the player's unevenness.
    """
    gap_s = chord_intervals_s(performance)
    step = np.abs(np.diff(np.log2(gap_s)))
    alike = step < ALIKE
    return float(step[alike].mean()) if alike.any() else float("nan")


def longest_gap(performance: Performance) -> float:
    """Return the longest interval between chords, as log2 of seconds."""
    return _log2(chord_intervals_s(performance).max(initial=0.0))


def longest_stop(performance: Performance) -> float:
    """Return by how many octaves the longest interval between chords exceeds those around it."""
    return _log2(relative_gaps(performance).max(initial=0.0))


def stop_share(performance: Performance) -> float:
    """Return the share of intervals between chords that are more than `STOP` of those around."""
    gaps = relative_gaps(performance)
    return float(np.mean(gaps > STOP)) if len(gaps) else float("nan")


@functools.lru_cache(maxsize=1)
def relative_gaps(performance: Performance) -> FloatArray:
    """Return each interval between chords over the median of `AROUND` before and after it."""
    gap_s = chord_intervals_s(performance)
    if not len(gap_s):
        return gap_s
    padded = np.pad(gap_s, AROUND, constant_values=np.nan)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * AROUND + 1)
    return np.asarray(gap_s / np.nanmedian(around, axis=1))


def off_rhythm(performance: Performance) -> float:
    """Return how far intervals are from halves and doubles of their median: octaves, 0 to 0.5."""
    gap_s = chord_intervals_s(performance)
    if not len(gap_s):
        return float("nan")
    # One of the intervals themselves: the mean of two may be no rhythm.
    octaves = np.log2(gap_s / np.percentile(gap_s, 50, method="lower"))
    return float(np.abs(octaves - np.rint(octaves)).mean())


@functools.lru_cache(maxsize=1)
def beat_course(performance: Performance) -> tuple[float, float]:
    """Return how much the beat strays and changes from one interval to the next: log units."""
    onset_s = chord_onsets(performance.notes["onset_s"], EVENT_GAP_S)
    if len(onset_s) < FEWEST_CHORDS:
        return float("nan"), float("nan")
    beat = follow_beat(onset_s)
    return float(beat.std()), float(np.abs(np.diff(beat)).mean())


def _log2(value: float) -> float:
    return float(np.log2(value)) if value > 0 else float("nan")
