"""What a performance was graded. Imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass

from labeling.scores import Dimension
from models.config.experiment import Experiment
from models.skill import Skills

ByDimension = Mapping[Dimension, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A performance's scores, 0-100, of the dimensions that can be judged, and how they vary.

    A score is the mean over `windows` windows, `spread` their population standard deviation in
    points; `silent_windows` were left out. `duration_s` is how much was graded; `left_out` says
    what of the files was not, or was changed. `modality` is what the experiment `model` was
    given: `audio`, `midi` or both joined by a plus; `audio→midi` is MIDI that was transcribed.
    `skill` is the model's own. `not_judged` gives, by dimension that has no score, the reason.
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
    skill: Skills
    not_judged: Mapping[Dimension, str]
