"""What human validation writes as JSON and its page shows: measures beside listeners' ratings.

rho is Spearman's, r Pearson's. Intervals are 95 %, from a bootstrap of whole passages (score
segments). A figure that is not defined is NaN, null in JSON. "Within score" takes the mean of each
passage off both sides first, so that recognising the music is worth nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from models.config.experiment import Experiment
from models.document import Number
from models.evaluation.agreement.resampling import Interval
from storage.corpus import Fault

Sign = Literal[-1, 1]
Verdict = Literal["follows", "opposes", "inconclusive"]
StartName = Literal["checkpoint", "pretrained", "scratch"]
NotCompared = Literal[
    "none trained", "all clips trained on", "too few clips", "midi_only not trained", "one work"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rho:
    """A rank correlation of `n` pairs with its interval."""

    rho: Number
    interval: Interval
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingAgreement:
    """How a measure correlates with the ratings on one scale.

    `sign` is what the hypothesis states. `baseline_rho` is the within-score rho of the baseline's
    prediction of that scale on the same clips.
    """

    name: str
    scale: str
    sign: Sign
    pooled: Rho
    within: Rho
    baseline_rho: Number

    @property
    def verdict(self) -> Verdict:
        """What the within-score interval says of the hypothesis."""
        if not self.within.interval.excludes_zero:
            return "inconclusive"
        return "follows" if self.within.rho * self.sign > 0 else "opposes"

    @property
    def strength(self) -> float:
        """The size of the within-score correlation."""
        return abs(self.within.rho)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """How well ratings were predicted for held-out music: means over the scales.

    `r2` is the share of variance explained, below 0 where the training mean is better; `within_r`
    is r within score, with its interval.
    """

    r2: Number
    r: Number
    within_r: Number
    within_interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleReliability:
    """How far listeners agree on one scale (see `labeling.reliability`); `raters` rate a clip."""

    icc_1: Number
    icc_k: Number
    split_half: Number
    raters: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipCounts:
    """The checkout: `judged` clips of `passages`, by `works`, of those `read`."""

    read: int
    quarantine: tuple[Fault, ...]
    judged: int
    passages: int
    works: Mapping[str, int]
    ratings: int
    rating_rows_refused: int
    listeners: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAgreement:
    """How the trained models' scores correlate with ratings, on clips they were not trained on.

    `trained_on` clips were cut from training performances, and left out. Of those judged, the
    encoder of models that read MIDI has read `pretrained_on` without labels.
    """

    judged: int
    passages: int
    trained_on: int
    pretrained_on: int
    rows: Mapping[Experiment, tuple[RatingAgreement, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuning:
    """`midi_only` fine-tuned on ratings from each start, whole works held out.

    `gain` is the checkpoint's `within_r` less that of the start `gain_over`, which lacks training
    on damage and nothing else. `seeds` trainings a fold are averaged; intervals redraw passages,
    not trainings. `known_works` are works of which the checkpoint's training or pretraining had
    a performance.
    """

    clips: int
    works: tuple[str, ...]
    known_works: tuple[str, ...]
    seeds: int
    starts: Mapping[StartName, HeldOut]
    baseline: HeldOut
    gain_over: StartName
    gain: Number
    gain_interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanValidation:
    """Labeling functions, trained models and a baseline beside PercePiano's listeners.

    `not_compared` is why there is no fine-tuning and, where `models` is None too, why not those.
    """

    recipe: str
    clips: ClipCounts
    reliability: Mapping[str, ScaleReliability]
    heuristics: tuple[RatingAgreement, ...]
    functions: tuple[RatingAgreement, ...]
    take_grader: tuple[RatingAgreement, ...]
    features: tuple[str, ...]
    baseline_by_work: HeldOut
    models: ModelAgreement | None
    fine_tuning: FineTuning | None
    not_compared: NotCompared | None

    @property
    def mean_reliability(self) -> Mapping[str, float]:
        """The means over the scales, by measure."""
        found = self.reliability.values()
        return {
            name: sum(getattr(scale, name) for scale in found) / len(found)
            for name in ("icc_1", "icc_k", "split_half", "raters")
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Grader:
    """How what grades a recording agrees with teachers: their mean, or that of the others.

    `kind` is `teacher`, `plain`, `function`, `take_grader` or the experiment whose dimension
    `name` is.
    """

    name: str
    kind: str
    pooled: Rho
    within: Rho


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherValidation:
    """Graders beside piano teachers, on `recordings` by piece.

    Each of `teachers` is beside the mean of the others: the ceiling. `graders` begin with the
    plain one. Intervals redraw whole pieces.
    """

    recipe: str
    recordings: Mapping[str, int]
    quarantine: tuple[Fault, ...]
    teachers: tuple[Grader, ...]
    graders: tuple[Grader, ...]

    @property
    def plain(self) -> Grader:
        """The grader of three plain numbers."""
        return self.graders[0]

    @property
    def overall(self) -> tuple[Grader, ...]:
        """Each model's overall grade."""
        return tuple(one for one in self.graders if one.name == "overall_interpretation")
