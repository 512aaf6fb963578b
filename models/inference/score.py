"""What a performance was graded. Imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass

from labeling.scores import Dimension
from models.config.experiment import Experiment

ByDimension = Mapping[Dimension, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A performance's eight scores, 0-100, and how far each varies between windows.

    A score is the mean over `windows` windows, `spread` their population standard deviation in
    points; `silent_windows` were left out. `duration_s` is how much was graded; `left_out` says
    what of the files was not, or was changed. `modality` is what the experiment `model` was
    given: `audio`, `midi` or both joined by a plus; `audio→midi` is MIDI that was transcribed.
    `not_judged` gives, by dimension, why its score is not to be relied on.
    """

    file: str
    scores: ByDimension
    spread: ByDimension
    windows: int
    silent_windows: int
    duration_s: float
    left_out: tuple[str, ...]
    modality: str
    model: Experiment
    not_judged: Mapping[Dimension, str]
