"""The best fusion beside the best single modality, as data."""

from dataclasses import dataclass

from models.config.experiment import Experiment
from models.document import Number
from models.evaluation.agreement.resampling import Gain, Interval
from models.metrics import Agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionPair:
    """Best fusion against best single modality in mean r over the dimensions.

    `headroom` is the ceiling's r less the single's, `share_of_headroom` how much of it the fusion
    gains, with its interval; nan without headroom. `both_singles_r` is the mean multiple
    correlation of audio_only and midi_only together, the most that a weighted mean of their scores
    can reach; `independent_r` the same if their errors were independent. Both nan unless both were
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
class LateFusion:
    """The control of fusions: scores of audio_only and midi_only joined without a training.

    In each dimension by a least-squares line of non-negative weights, fitted on the validation
    split. `gain` is over the best single modality, `share_of_headroom` as in a `FusionPair`.
    """

    agreement: Agreement
    gain: Gain
    share_of_headroom: Number
    share_interval: Interval
