"""Playing without shape: the slow swells of tempo and loudness flattened, the detail kept."""

from typing import Literal

import numpy as np
from pydantic import Field

from degradation.beat_grid import follow_pulse
from degradation.chance import whole
from degradation.edits import Edits
from degradation.melody_bass import chord_onsets
from degradation.notes import NoteArray, Performance
from degradation.operation import NoteParameters
from degradation.roughness import LOUDEST, SOFTEST
from degradation.warp import FloatArray, TimeMap, bend, stretched

SLOW_S = 1.0
"""What a Gaussian of this standard deviation keeps is shape; the rest is detail."""

FEWEST_CHORDS = 6
"""In fewer there is no course of tempo to speak of."""

NOTICED_TEMPO, NOTICED_VELOCITY = 0.03, 3.6
"""A shape of less spread is not missed: 3 % over six intervals (Drake & Botte 1993), and midway
between 2.7 and 4.5 MIDI units (Slade et al. 2022)."""


def smooth(
    value: FloatArray, at_s: FloatArray, weight: FloatArray, where_s: FloatArray, reach_s: float
) -> FloatArray:
    """Return the local mean of values, weighed by a Gaussian of standard deviation `reach_s`.

    `value`, given at times `at_s`, and `weight` have shape (n,); the result has that of `where_s`.
    """
    distance = (np.subtract.outer(where_s, at_s) / reach_s) ** 2
    # The nearest counts whole: after a long rest there would be nothing to divide by.
    nearness = weight * np.exp(-0.5 * (distance - np.min(distance, axis=-1, keepdims=True)))
    return np.asarray(nearness @ value / nearness.sum(axis=-1))


def slow_course(value: FloatArray, at_s: FloatArray, weight: FloatArray) -> TimeMap:
    """Return what is slow in values given at `at_s`, held on before the first and after the last.

    A local mean, and that of what it left behind: at the edges and at summits a mean alone would
    leave a fifth ("twicing", Tukey 1977). All arguments have shape (n,), and are not empty.
    """
    rest = value - smooth(value, at_s, weight, at_s, SLOW_S)

    def course(time_s: FloatArray) -> FloatArray:
        inside_s = np.clip(time_s, at_s[0], at_s[-1])
        slow = [smooth(part, at_s, weight, inside_s, SLOW_S) for part in (value, rest)]
        return np.asarray(np.sum(slow, axis=0))

    return course


def loudness_shape(velocity: FloatArray, onset_s: FloatArray) -> FloatArray:
    """Return the slow course of velocities at each onset; both of shape (n,), not empty."""
    return slow_course(velocity, onset_s, np.ones(len(velocity)))(onset_s)


def tempo_shape(notes: NoteArray) -> TimeMap:
    """Return the slow course of the pulse, as a logarithm without a mean; 0 for too few chords."""
    onset_s = chord_onsets(notes["onset_s"])
    if len(onset_s) < FEWEST_CHORDS:
        return lambda time_s: np.zeros_like(time_s)
    interval_s, middle_s = np.diff(onset_s), (onset_s[:-1] + onset_s[1:]) / 2
    pulse = follow_pulse(onset_s)
    return slow_course(pulse - np.average(pulse, weights=interval_s), middle_s, interval_s)


class FlattenedPhrasing(NoteParameters):
    """The slow course of tempo and of velocity is drawn to the window's mean by `share` of it.

    Slow is what a Gaussian mean over `SLOW_S` keeps: swells and ritardandos over some seconds.
    Accents, voicing, rhythm and micro-timing stay; lengths and the pedal go with the tempo.
    Only the rounding of velocities is random.

    No published threshold. One JND is taken as a share of 0.12, so that eight leave no shape. In
    the JNDs of tempo and of loudness themselves, no shape at all is about 2 and about 1 off the
    usual one (40 MAESTRO windows: a spread of 5.7 % and of 4.3 velocities in the median).
    """

    operation: Literal["flattened_phrasing"] = "flattened_phrasing"
    share: float = Field(ge=0, le=1)

    @property
    def strength(self) -> tuple[float, str]:
        """Share of the slow shapes that is taken away."""
        return self.share * 100, "%"

    def can_strike(self, performance: Performance) -> bool:
        """Return whether tempo or loudness has a shape that would be missed."""
        notes, at_s = performance.notes, np.arange(0.0, performance.duration_s, SLOW_S / 4)
        if len(chord_onsets(notes["onset_s"])) < FEWEST_CHORDS:
            return False
        swell = loudness_shape(notes["velocity"].astype(np.float64), notes["onset_s"])
        bent = tempo_shape(notes)(at_s)
        return bool(bent.std() >= NOTICED_TEMPO or swell.std() >= NOTICED_VELOCITY)

    def draw(self, performance: Performance, rng: np.random.Generator) -> Edits:
        """Return a time shift and a velocity change for every note, and the pedal moved along."""
        notes = performance.notes
        if not self.share or not len(notes):
            return Edits()
        shape = tempo_shape(notes)
        even = stretched(lambda time_s: -self.share * shape(time_s), performance.duration_s)
        velocity, onset_s = notes["velocity"].astype(np.float64), notes["onset_s"]
        swell = loudness_shape(velocity, onset_s)
        louder = self.share * (swell.mean() - swell)
        reached = np.clip(velocity + whole(rng, louder), SOFTEST, LOUDEST)
        return bend(performance, even, velocity_shift=reached - velocity)
