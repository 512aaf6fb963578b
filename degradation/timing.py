"""Damaged timing: onsets that stray, a tempo that wanders, and stumbling pauses."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from degradation.edits import Edits, alter, carry_pedal
from degradation.melody_bass import chord_of, chord_onsets
from degradation.notes import Performance, latest_onset
from degradation.operation import NoteOperation
from degradation.sampling import FloatArray, choose_share, mirror_between, unit_noise

TimeMap = Callable[[FloatArray], FloatArray]
"""From seconds of the window to seconds of the same window; never decreasing."""

GRID_S = 0.005

RUN_NOTES, LONGEST_RUN_S, LONGEST_RUN_STEP = 4, 0.3, 0.29
"""A run's fewest notes, its longest interval, and the largest step between two, as a logarithm."""


class OnsetJitter(NoteOperation):
    """Each note strays by Gaussian noise of standard deviation `spread_s`, independently.

    A note keeps its length unless it would outlast the window or its key's next strike. The pedal
    moves with the notes around it.
    """

    STRENGTH = ("spread_s", 1000, "ms")
    operation: Literal["onset_jitter"] = "onset_jitter"
    spread_s: float = Field(ge=0, le=1)

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a shift for every note, and the pedal moved with them."""
        notes = performance.notes
        wanted_s = rng.normal(0.0, self.spread_s, size=len(notes))
        latest_s = latest_onset(performance.duration_s)
        return _shift_notes(performance, mirror_between(notes["onset_s"], wanted_s, 0.0, latest_s))


class ChordJitter(NoteOperation):
    """Each note strays by `spread_s`, root mean square; the notes of a chord mostly together.

    A chord strays as one, and its notes about it by `apart_share` of `spread_s` (0: as one, 1:
    each alone); a single note strays by `spread_s` too. Note lengths and pedal as in
    `OnsetJitter`. One JND is 6 ms: the displacement of one onset that is noticed where intervals
    are shorter than 240 ms, as most are in these windows; above, 2.5 % of the interval (Friberg &
    Sundberg 1995). Asynchrony within a chord is harder to hear: Goebl & Parncutt 2002 tested up
    to 54 ms.
    """

    STRENGTH = ("spread_s", 1000, "ms")
    operation: Literal["chord_jitter"] = "chord_jitter"
    spread_s: float = Field(ge=0, le=0.2)
    apart_share: float = Field(ge=0, le=1)

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a shift for every note, and the pedal moved with them."""
        notes, latest_s = performance.notes, latest_onset(performance.duration_s)
        onset_s, chord = notes["onset_s"], chord_of(notes["onset_s"])
        if not len(notes):
            return Edits()
        in_chord = np.bincount(chord)[chord] > 1
        apart = np.where(in_chord, self.apart_share, 0.0)
        together = np.sqrt(1 - apart**2) * unit_noise(rng, chord[-1] + 1)[chord]
        apart *= unit_noise(rng, len(notes))
        size_s = self.spread_s / np.sqrt(np.mean((together + apart) ** 2))
        # All notes of a chord are mirrored at the window's edge together.
        chord_s = chord_onsets(onset_s)[chord]
        chord_shift_s = mirror_between(chord_s, size_s * together, 0.0, latest_s)
        own_shift_s = mirror_between(onset_s + chord_shift_s, size_s * apart, 0.0, latest_s)
        return _shift_notes(performance, chord_shift_s + own_shift_s)


def _shift_notes(performance: Performance, shift_s: FloatArray) -> Edits:
    """Return edits that move whole notes, and the pedal with them."""
    notes = performance.notes
    return Edits(
        notes=alter(notes["note_id"], onset_shift_s=shift_s, offset_shift_s=shift_s),
        pedal=carry_pedal(performance, shift_s),
    )


def stretch_time(log_stretch: TimeMap, duration_s: float) -> TimeMap:
    """Return the time map on which time at t passes exp(`log_stretch`(t)) times as slowly.

    It is scaled to the window's length, which changes the mean tempo and not its course.
    """
    grid_s = np.linspace(0.0, duration_s, 2 + int(duration_s / GRID_S))
    stretch = np.exp(log_stretch(grid_s))
    passed = np.concatenate([[0.0], np.cumsum((stretch[1:] + stretch[:-1]) / 2)])
    moved_s = passed * (duration_s / passed[-1])
    return lambda time_s: np.asarray(np.interp(time_s, grid_s, moved_s))


def warp_time(performance: Performance, time_map: TimeMap, **shifts: NDArray[np.number]) -> Edits:
    """Return the edits that move every onset, release and pedal movement by a time map.

    `shifts` are further changes of the notes, as in `alter`.
    """
    notes = performance.notes
    onset_shift_s = time_map(notes["onset_s"]) - notes["onset_s"]
    offset_shift_s = time_map(notes["offset_s"]) - notes["offset_s"]
    shifts |= {"onset_shift_s": onset_shift_s, "offset_shift_s": offset_shift_s}
    return Edits(
        notes=alter(notes["note_id"], **shifts),
        pedal=carry_pedal(performance, onset_shift_s),
    )


def wander(rng: np.random.Generator, duration_s: float, shortest_s: float) -> TimeMap:
    """Return a slow random curve over the window, of mean 0 and standard deviation 1.

    A sum of cosines that fit the window a whole number of half periods, with periods down to
    `shortest_s` and random size and sign; like human timing, slower waves are larger (1/f:
    Gilden, Thornton & Mallon 1995).
    """
    waves = np.arange(1, 1 + max(int(2 * duration_s / shortest_s), 1))
    height = rng.normal(size=len(waves)) / np.sqrt(waves)
    height /= np.sqrt(np.sum(height**2) / 2)
    phase = np.pi * waves / duration_s
    return lambda time_s: np.asarray(np.cos(np.multiply.outer(time_s, phase)) @ height)


class TempoDrift(NoteOperation):
    """The tempo wanders by a standard deviation of `share`, in waves of `timescale_s` or longer.

    Note lengths and pedal move along; the window keeps its length, and so its mean tempo.
    One JND is a share of 0.03: listeners notice a tempo that is 3 % off over six intervals
    (Drake & Botte 1993), in even sequences; in rubato they will notice less (Repp 1998).
    """

    STRENGTH = ("share", 100, "%")
    operation: Literal["tempo_drift"] = "tempo_drift"
    share: float = Field(ge=0, le=0.3)
    timescale_s: float = Field(ge=1, le=60)

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a shift for every note, and the pedal moved with them."""
        course = wander(rng, performance.duration_s, self.timescale_s)
        slower = stretch_time(lambda time_s: self.share * course(time_s), performance.duration_s)
        return warp_time(performance, slower)


def lengthen_intervals(
    chord_s: FloatArray, pause_share: FloatArray, duration_s: float
) -> tuple[FloatArray, FloatArray]:
    """Return times of the window before and after intervals between chords grow.

    `chord_s` are the chords' onsets, of shape (chords,); the interval after the k-th grows by
    `pause_share[k]` of itself, of shape (chords - 1,). Everything is then sped up to the window's
    length, so that no note is lost at its end.
    """
    delay_s = np.concatenate([[0.0], np.cumsum(pause_share * np.diff(chord_s))])
    points_s = np.concatenate([[0.0], chord_s, [duration_s]])
    moved_s = points_s + np.concatenate([[0.0], delay_s, delay_s[-1:]])
    return points_s, moved_s * (duration_s / moved_s[-1])


class BetweenChords(NoteOperation):
    """An operation on the intervals between chords."""

    def can_apply(self, performance: Performance) -> bool:
        """Return whether there are two chords, and so an interval."""
        return len(chord_onsets(performance.notes["onset_s"])) > 1


class Hesitation(BetweenChords):
    """Before a `share` of the chords the player pauses: the interval grows by `pause_share`.

    Later music comes later, and the whole window is sped up to its length; each pause stays
    `pause_share` of the interval that it lengthens. The first chord is never delayed; keys and
    pedal stay down through a pause. One JND is a pause share of 0.06: a tempo that is 6 % off for
    one interval (Drake & Botte 1993). It is harder to hear where players usually slow down (Repp
    1998).
    """

    STRENGTH = ("pause_share", 100, "%")
    operation: Literal["hesitation"] = "hesitation"
    share: float = Field(gt=0, le=1)
    pause_share: float = Field(ge=0, le=2)

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a shift for every note, and the pedal moved with them."""
        chord_s = chord_onsets(performance.notes["onset_s"])
        if len(chord_s) < 2:
            return Edits()
        pause_share = np.zeros(len(chord_s) - 1)
        # At least one pause, or the label would claim damage that is not there.
        share = max(self.share, 1 / len(pause_share))
        pause_share[choose_share(rng, np.ones(len(pause_share)), share)] = self.pause_share
        points_s, moved_s = lengthen_intervals(chord_s, pause_share, performance.duration_s)
        return warp_time(performance, lambda time_s: np.interp(time_s, points_s, moved_s))


class UnevenRuns(NoteOperation):
    """In runs of quick, even notes every other one limps: it is late by `share` of its interval.

    A run is four notes or more, each within `LONGEST_RUN_S` of the last and at most a third longer
    or shorter. Which of two limps is drawn for each run. One JND is 2.5 % of the interval (Friberg
    & Sundberg 1995).
    """

    STRENGTH = ("share", 100, "%")
    operation: Literal["uneven_runs"] = "uneven_runs"
    share: float = Field(ge=0, le=0.6)

    def can_apply(self, performance: Performance) -> bool:
        """Return whether there is a run."""
        return bool(len(find_runs(chord_onsets(performance.notes["onset_s"]))))

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a shift for every other note of each run; the pedal stays."""
        notes = performance.notes
        chord_s = chord_onsets(notes["onset_s"])
        late_s = np.zeros(len(chord_s))
        for first, past in find_runs(chord_s):
            limping = np.arange(first + 1 + int(rng.integers(2)), past - 1, 2)
            late_s[limping] = self.share * (chord_s[limping + 1] - chord_s[limping])
        shift_s = late_s[chord_of(notes["onset_s"])]
        return Edits(notes=alter(notes["note_id"], onset_shift_s=shift_s, offset_shift_s=shift_s))


def find_runs(chord_s: FloatArray) -> list[tuple[int, int]]:
    """Return the runs among chords as (first, one past the last)."""
    interval_s = np.diff(chord_s)
    alike = np.abs(np.log(interval_s[1:] / interval_s[:-1])) < LONGEST_RUN_STEP
    even = alike & (np.maximum(interval_s[1:], interval_s[:-1]) <= LONGEST_RUN_S)
    edge = np.diff(np.concatenate([[False], even, [False]]).astype(np.int8))
    bounds = zip(np.flatnonzero(edge == 1), np.flatnonzero(edge == -1), strict=True)
    # n even pairs of intervals join n + 2 chords.
    return [(int(first), int(past) + 2) for first, past in bounds if past - first + 2 >= RUN_NOTES]
