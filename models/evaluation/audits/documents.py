"""What the audits write as JSON and pages read: labels, shortcuts, tokens and transcription.

Intervals are 95 %, redrawing whole compositions. Figures that are not defined are NaN, null in
JSON. Written and read by `models.document`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from labeling.scores import Dimension
from models.config.experiment import MODALITIES, Experiment
from models.document import Number
from models.evaluation.agreement.resampling import Interval
from models.evaluation.audits.thresholds import ThresholdVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelShape:
    """How alike the eight labels are.

    `correlation` is 8 x 8, `pair` are the two that correlate most. `constant` are dimensions with
    one value in all rows: their correlations are NaN, and the thresholds leave them out. With
    fewer than two others there is no pair and no figure. `thresholds` are those of the effective
    rank and of the largest correlation.
    """

    rows: int
    correlation: tuple[tuple[Number, ...], ...]
    constant: tuple[Dimension, ...]
    pair: tuple[Dimension, Dimension] | None
    thresholds: tuple[ThresholdVerdict, ThresholdVerdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionCeiling:
    """The best r and MAE (in points) for one dimension; `r2` where it was measured."""

    dimension: Dimension
    r: Number
    mae: Number
    r2: Number | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelStructure:
    """How alike a recipe's labels are, and how well they can be known.

    `analytic` ceilings assume that the draw is known, `observable` ones only the columns
    `measured`, on `oracle_rows`; without enough compositions there are none.
    """

    recipe: str
    compositions: int
    shape: LabelShape
    analytic: tuple[DimensionCeiling, ...]
    observable: tuple[DimensionCeiling, ...]
    measured: tuple[str, ...]
    oracle_rows: int


StatisticSet = Literal["recording", "dry", "drawn", "notes"]
"""Statistics of the row's sound and file, of the same playing rendered dry, of what a factored
recipe drew for the recording, and of the notes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """By how much balanced accuracy drops when a statistic is shuffled."""

    statistic: str
    unit: str
    meaning: str
    drop: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class TierProbe:
    """How well a set of statistics predicts the tier; `recall` by tier."""

    statistics: StatisticSet
    balanced_accuracy: Number
    interval: Interval
    recall: Mapping[str, Number]
    importances: tuple[Importance, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreProbe:
    """How well a set of statistics predicts one score: r and R² of predictions out of fold."""

    statistics: StatisticSet
    dimension: Dimension
    r: Number
    r2: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortcutAudit:
    """Whether statistics that ignore the playing predict a recipe's tiers; `counts` rows by tier.

    Without two tiers and two compositions there are no probes.
    """

    recipe: str
    counts: Mapping[str, int]
    compositions: int
    threshold: ThresholdVerdict
    tiers: tuple[TierProbe, ...]
    scores: tuple[ScoreProbe, ...]

    @property
    def rows(self) -> int:
        """The rows that were audited."""
        return sum(self.counts.values())

    @property
    def chance(self) -> float:
        """The balanced accuracy of guessing."""
        return 1 / len(self.counts)


Aspect = Literal["presence", "onset", "duration", "pitch", "velocity", "pedal"]
"""What can change of a note: whether it is there, when it begins, how long its key is held, its
key, its velocity, and the depth of the sustain pedal at its onset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationSurvival:
    """How much of one operation of a tier (or factor) survives one tokeniser.

    `aspect` is the one in which the operation changes the most notes, `changed_notes` of them.
    `seen_share` of those leave any mark in the tokens; for `survival` see `token_counts.Trace`.
    Where no note changed, all three are None. `notes` counts those of clean and damaged
    performances, and `notes_lost` those of them without a token.
    """

    tokeniser: str
    tier: str
    operation: str
    strength: float
    unit: str
    aspect: Aspect | None
    changed_notes: int
    seen_share: float | None
    survival: float | None
    notes: int
    notes_lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAudit:
    """What survives of a recipe's operations on notes when notes become tokens."""

    segments: int
    operations: tuple[OperationSurvival, ...]

    @property
    def notes_lost(self) -> dict[str, int]:
        """How many notes each tokeniser has no token for."""
        lost = dict.fromkeys((one.tokeniser for one in self.operations), 0)
        for one in self.operations:
            lost[one.tokeniser] += one.notes_lost
        return lost


NoteSource = Literal["true", "transcribed"]


@dataclass(frozen=True, slots=True)
class System:
    """A model and the notes that it reads, None for one that reads none."""

    experiment: Experiment
    notes: NoteSource | None

    @property
    def name(self) -> str:
        """The name that tables show."""
        inputs = ["audio"] if "audio" in MODALITIES[self.experiment] else []
        inputs += [f"{self.notes} MIDI"] if self.notes else []
        return f"{self.experiment}: {' and '.join(inputs)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnsetFigures:
    """Transcribed notes against the row's own MIDI: means over rows.

    `f1`, `precision` and `recall` count notes of one pitch with onsets within 50 ms; for the
    others see `note_match`. None without a row that has the figure.
    """

    rows: int
    f1: float | None
    precision: float | None
    recall: float | None
    onset_spread_ms: float | None
    velocity_error: float | None
    pedal_agreement: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemScore:
    """How a system's scores agree with the labels, on the mean and by dimension."""

    system: System
    mean_r: Number
    r_interval: Interval
    mean_mae: Number
    mae_interval: Interval
    r: tuple[Number, ...]
    mae: tuple[Number, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemGain:
    """By how much a system's mean r is above another's."""

    system: System
    over: System
    mean_r: Number
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscribedClip:
    """One row: notes played and found, and the eight scores of each system, in their order."""

    sample_id: str
    composition: str
    tier: str
    f1: float
    played: int
    found: int
    scores: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscribedSplit:
    """What transcription costs on the rows of one split.

    Of `rows_in_split`, `rows_asked` were chosen; `rows_without_notes` had none in their
    transcription and are not graded. `out_of_time`: the time allowed ended before the last rows.
    `real_time_factor` is seconds of work for a second of sound, None where all transcriptions
    were kept from before. `gains` compare each system that reads transcribed notes with itself on
    true notes and with those that read none.
    """

    rows_in_split: int
    rows_asked: int
    rows_without_notes: int
    out_of_time: bool
    real_time_factor: float | None
    compositions: int
    onsets: OnsetFigures
    onsets_by_tier: Mapping[str, OnsetFigures]
    systems: tuple[SystemScore, ...]
    gains: tuple[SystemGain, ...]
    clips: tuple[TranscribedClip, ...]

    @property
    def rows(self) -> int:
        """The rows that were graded."""
        return len(self.clips)


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionAudit:
    """Grading from audio alone by transcription, beside true MIDI and the audio model, by split.

    `models` are the identities of the trainings that graded.
    """

    transcriber: str
    models: Mapping[Experiment, str]
    splits: Mapping[str, TranscribedSplit]
