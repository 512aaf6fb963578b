"""Labeling functions and their results: a value with a score, or an abstention."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from degradation.notes import Performance
from degradation.waveform import Waveform
from labeling.scores import Dimension


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One function's result for one window.

    `value` is the measurement in the function's unit and `score` the same on 0-100; where the
    window cannot be judged both are None, and `abstention` says why.
    """

    value: float | None = None
    score: float | None = None
    abstention: str | None = None


@dataclass(frozen=True, slots=True)
class Abstention:
    """Why a window cannot be judged.

    Reasons are counted over a corpus (`labeling.quality.count_abstentions`), so they hold no
    numbers of the window itself.
    """

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCurve:
    """A logistic map from a value to a score, set by two values of expert playing.

    `typical` (scored 80) is the median of expert windows and `weak` (scored 50) the value that
    5 % of them exceed. Scores approach 0 and 100 without reaching them; the order of the two
    values says whether more is better or worse.

    Unless a function says otherwise, both are from hundreds of ten-second windows of MAESTRO's
    train split, four a performance; for sound, from a third of them rendered with TimGM6mb.
    """

    typical: float
    weak: float

    def __call__(self, value: float) -> float:
        """Return the score, in (0, 100), of a value."""
        odds_at_typical = math.log(0.8 / 0.2)
        height = odds_at_typical * (value - self.weak) / (self.typical - self.weak)
        return 50.0 * (1.0 + math.tanh(height / 2.0))  # a logistic that cannot overflow


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelingFunction:
    """A measurement of a window, its unit, the dimension it scores, and its score curve.

    `measure` takes a window's performance and its sound (None without audio) and returns a value
    or an abstention.
    """

    name: str
    unit: str
    dimension: Dimension
    measure: Callable[[Performance, Waveform | None], float | Abstention]
    curve: ScoreCurve

    def __call__(self, performance: Performance, waveform: Waveform | None) -> Reading:
        """Return the reading of one window; times in `performance` run from its start.

        Raises ValueError when the measurement is not finite.
        """
        measured = self.measure(performance, waveform)
        if isinstance(measured, Abstention):
            return Reading(abstention=measured.reason)
        if not math.isfinite(measured):
            raise ValueError(f"{self.name} measured {measured}; expected a finite value")
        return Reading(value=measured, score=self.curve(measured))
