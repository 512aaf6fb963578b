"""What the audits write as JSON and the report's page reads. Undefined figures are NaN."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from labeling.scores import Dimension
from models.config.experiment import MODALITIES, Experiment
from models.document import Number
from models.evaluation.agreement.resampling import AgreementIntervals, Gain, Interval
from models.evaluation.audits.thresholds import ThresholdVerdict
from models.metrics import Agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelShape:
    """How alike the eight labels are.

    `correlation` is 8 x 8, `pair` are the two that correlate most. `constant` are dimensions with
    one value in all rows: the rest leaves them out. `thresholds` are those of the effective rank
    and of the largest correlation.
    """

    rows: int
    correlation: tuple[tuple[Number, ...], ...]
    constant: tuple[Dimension, ...]
    pair: tuple[Dimension, Dimension] | None
    thresholds: tuple[ThresholdVerdict, ThresholdVerdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionCeiling:
    """The best r and R² for one dimension."""

    dimension: Dimension
    r: Number
    r2: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelStructure:
    """How alike a recipe's labels are, and how well measured damage predicts them.

    `observable` is empty with fewer than two compositions.
    """

    shape: LabelShape
    observable: tuple[DimensionCeiling, ...]


StatisticSet = Literal["recording", "dry", "drawn", "notes"]
"""Statistics of the row's sound and file, of the same playing rendered dry, of what a factored
recipe drew for the recording, and of the notes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """By how much balanced accuracy drops when a statistic is shuffled."""

    statistic: str
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

    @property
    def most_allowed(self) -> float:
        """The balanced accuracy that statistics of the recording may have; needs probes."""
        control = next(probe for probe in self.tiers if probe.statistics == "dry")
        return max(self.chance, control.balanced_accuracy) + self.threshold.threshold.number


Aspect = Literal["presence", "onset", "duration", "pitch", "velocity", "pedal"]
"""What can change of a note: whether it is there, when it begins, how long its key is held, its
key, its velocity, and the depth of the sustain pedal at its onset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationSurvival:
    """How much of one operation of a tier (or factor) survives one tokeniser.

    `aspect` is the one in which the operation changes the most notes, `changed_notes` of them.
    The tokens of `seen_share` of those change too; for `survival` see `token_counts.Trace`. All
    three are None where no note changed. `notes_lost` are notes without a token.
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
    notes_lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAudit:
    """What survives of a recipe's operations on notes when notes become tokens."""

    operations: tuple[OperationSurvival, ...]

    @property
    def side_by_side(self) -> list[dict[str, OperationSurvival]]:
        """The rows of each operation of a tier, by tokeniser: all were given the same damage."""
        together: dict[tuple[str, str], dict[str, OperationSurvival]] = {}
        for row in self.operations:
            together.setdefault((row.tier, row.operation), {})[row.tokeniser] = row
        return list(together.values())

    @property
    def notes_lost(self) -> dict[str, int]:
        """How many notes each tokeniser loses."""
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

    f1: float | None
    precision: float | None
    recall: float | None
    onset_spread_ms: float | None
    velocity_error: float | None
    pedal_agreement: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemScore:
    """How a system's scores agree with the labels."""

    system: System
    agreement: Agreement
    intervals: AgreementIntervals


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemGain:
    """By how much a system's mean r is above another's."""

    system: System
    over: System
    gain: Gain


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscribedSplit:
    """What transcription costs on the rows of one split.

    Of `rows_in_split`, `rows_asked` were chosen and `rows` graded; `rows_without_notes` had none
    in their transcription. `gains` compare each system that reads transcribed notes with itself on
    true notes and with those that read none.
    """

    rows_in_split: int
    rows_asked: int
    rows_without_notes: int
    rows: int
    compositions: int
    onsets: OnsetFigures
    f1_by_tier: Mapping[str, float]
    systems: tuple[SystemScore, ...]
    gains: tuple[SystemGain, ...]

    @property
    def midi_costs(self) -> tuple[Number, ...]:
        """What transcribed notes take from midi_only's r by dimension; () unless it read both."""
        r = {one.system: one.agreement.r for one in self.systems}
        true, found = (r.get(System("midi_only", notes), ()) for notes in ("true", "transcribed"))
        return tuple(one - other for one, other in zip(true, found, strict=False))

    @property
    def rows_out_of_time(self) -> int:
        """The rows chosen that were left when the time allowed ended."""
        return self.rows_asked - self.rows - self.rows_without_notes


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionAudit:
    """Grading from transcribed notes, by split; `models` are the trainings' identities."""

    transcriber: str
    models: Mapping[Experiment, str]
    splits: Mapping[str, TranscribedSplit]
