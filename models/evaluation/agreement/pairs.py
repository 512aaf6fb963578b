"""The best fusion beside the best single modality, as data."""

from dataclasses import dataclass

from models.config.experiment import Experiment
from models.document import Number
from models.evaluation.agreement.resampling import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionPair:
    """Best fusion against best single modality in one dimension.

    `difference` is r of the fusion less r of the single, with its 95 % interval. `winner` is the
    better model where the interval excludes 0 and at least `FEWEST_COMPOSITIONS` were judged,
    else None. Eight dimensions are eight chances: about one winner in twenty is luck.
    """

    dimension: str
    fusion: Experiment
    single: Experiment
    fusion_r: Number
    single_r: Number
    difference: Number
    interval: Interval
    winner: Experiment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanPair:
    """Best fusion against best single modality in mean r over the dimensions.

    `headroom` is what the single leaves below the label ceiling, `share_of_headroom` how much
    of it the fusion gains, with its interval; nan without any headroom. `both_singles_r` is the
    mean multiple correlation of the best audio and the best MIDI model together: what an
    optimal average of their scores would reach, at most; `independent_r` what it would be if the
    two erred independently (r between them = the product of their own). nan when only one was
    trained.
    """

    fusion: Experiment
    single: Experiment
    fusion_r: Number
    single_r: Number
    difference: Number
    interval: Interval
    headroom: Number
    share_of_headroom: Number
    share_interval: Interval
    both_singles_r: Number
    independent_r: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """The comparison on the mean and in each dimension."""

    mean: MeanPair
    dimensions: tuple[DimensionPair, ...]
