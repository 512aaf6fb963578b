"""What a performance was graded, as a whole and window by window. Imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from labeling.scores import Dimension
from models.config.experiment import Experiment
from models.inference.windows import Opened
from models.skill import Skills

FloatArray = NDArray[np.float64]
ByDimension = Mapping[Dimension, float]


GraderName = Experiment | Literal["take_grader"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A performance's scores, 0-100, of the dimensions that can be judged, and how they vary.

    A score is the mean over `windows` windows (the take grader's: over passages of a minute),
    `spread` their population standard deviation in points; `silent_windows` were left out.
    `duration_s` is how much was graded; `left_out` says what of the files was not, or was changed.
    `modality` is what `model` was given: `audio`, `midi` or both joined by a plus; `audio→midi` is
    MIDI that was transcribed. `skill` is the model's own. `not_judged` gives, by dimension that has
    no score, the reason.
    """

    file: str
    scores: ByDimension
    spread: ByDimension
    windows: int
    silent_windows: int
    duration_s: float
    left_out: tuple[str, ...]
    modality: str
    model: GraderName
    skill: Skills
    not_judged: Mapping[Dimension, str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Graded:
    """A performance with its scores window by window.

    `by_window` has shape (windows, 8), NaN where a window is silent; `bounds_s` are the windows'
    starts and lengths. `opened` is what was graded.
    """

    score: Score
    opened: Opened
    bounds_s: tuple[tuple[float, float], ...]
    by_window: FloatArray
