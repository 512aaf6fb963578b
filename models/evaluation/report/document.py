"""The report as data: `report.json`, from which pages are drawn. Nothing here imports torch.

Written and read by `models.document`; a figure that is not defined is NaN, null in JSON. Intervals
are 95 %, by a bootstrap that redraws whole compositions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from models.config.experiment import MODALITIES, Experiment, Modality
from models.document import Number
from models.evaluation.agreement.confusion import Confusion
from models.evaluation.agreement.pairs import FusionPair, LateFusion
from models.evaluation.agreement.resampling import FEWEST_FOR_INTERVAL, AgreementIntervals, Gain
from models.evaluation.audits.documents import (
    LabelStructure,
    ShortcutAudit,
    TokenAudit,
    TranscriptionAudit,
)
from models.evaluation.ceilings.label_ceiling import LabelCeiling
from models.evaluation.counterfactuals.counterfactual import Counterfactual
from models.evaluation.criteria.verdict import Criterion, Verdict
from models.metrics import Agreement
from models.provenance import Provenance
from models.training.hearing.result import HearingResult
from models.training.pretraining.result import PretrainingResult
from models.training.record import ModelRecord
from models.training.result import TrainingResult


@dataclass(frozen=True, slots=True, kw_only=True)
class TierSound:
    """What a recipe does to the sound of a tier: noise at an SNR, a pass band; None where not."""

    snr_db: float | None
    band_hz: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is judged, the samples of `split`; `sounds` is what is done to the sound of each tier.

    Labels of a `tiered` recipe are drawn inside a tier's range, those of a `factored` one follow
    from the severities of factors.
    """

    corpus: str
    licence: str
    recipe: str
    kind: Literal["tiered", "factored"]
    audio_source: Literal["rendered", "recorded"]
    split: str
    sounds: Mapping[str, TierSound]


@dataclass(frozen=True, slots=True, kw_only=True)
class Data(Source):
    """What was judged. `counts` are samples by split and tier, `compositions` by split."""

    segments: int
    counts: Mapping[str, Mapping[str, int]]
    compositions: Mapping[str, int]

    @property
    def pieces(self) -> int:
        """The compositions judged."""
        return self.compositions[self.split]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings that a reader needs; `step_ms` is that of the time grid, `huber_weight` a loss's."""

    seed: int
    step_ms: float
    huber_weight: float
    modality_dropout: float
    tokens: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OneModality:
    """A fusion model that is given one modality, and what it gains with both."""

    agreement: Agreement
    gain_of_both: Gain


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelResult:
    """How one experiment did on the judged split.

    `share_of_ceiling_r` is mean r over the label ceiling's, `within_tier_r` r inside single tiers.
    `alone` is empty but for fusion models. `record` says what made the model; None where this
    release cannot read one.
    """

    name: Experiment
    agreement: Agreement
    intervals: AgreementIntervals
    share_of_ceiling_r: Number
    within_tier_r: Number
    confusion: Confusion
    alone: Mapping[Modality, OneModality]
    training: TrainingResult
    record: ModelRecord | None

    @property
    def is_fusion(self) -> bool:
        """Whether it is given both modalities."""
        return len(MODALITIES[self.name]) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that is known of the models of a recipe; rules add the verdicts at the end.

    `ceiling` is the label ceiling on the judged samples, `expected_ceiling` what a tiered recipe
    alone says; `baseline` always predicts the training mean. `best` is the model of highest mean r
    on the validation split, `fusion_pair` compares the best fusion with the best single modality.
    `late_fusion` is its control, `sound_gains` what the best fusion gains over midi_only in each
    dimension: empty unless both were trained.
    `headline` is what a page opens with, and `limitations` what to know before quoting a figure,
    the most important first.
    """

    provenance: Provenance
    data: Data
    settings: Settings
    ceiling: Agreement
    expected_ceiling: LabelCeiling | None
    baseline: Agreement
    models: tuple[ModelResult, ...]
    best: Experiment | None
    fusion_pair: FusionPair | None
    late_fusion: LateFusion | None
    sound_gains: tuple[Gain, ...]
    counterfactual: Counterfactual | None
    label_structure: LabelStructure | None
    shortcut_audit: ShortcutAudit | None
    transcription: TranscriptionAudit | None
    token_audit: TokenAudit
    pretraining: PretrainingResult | None
    hearing: HearingResult | None
    headline: tuple[Verdict, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    limitations: tuple[Verdict, ...] = ()

    @property
    def citation(self) -> str:
        """What a figure is cited by: code, date, recipe, corpus, split, seed."""
        made, data = self.provenance, self.data
        return (
            f"pianograde {made.versions['pianograde']}, commit {made.commit or 'unknown'}, source "
            f"{made.source}, {made.created_at[:10]}: recipe {data.recipe}, corpus {data.corpus} "
            f"({data.licence}), split {data.split}, seed {self.settings.seed}"
        )

    def model(self, name: Experiment) -> ModelResult:
        """Return an experiment by name; KeyError without it."""
        return {one.name: one for one in self.models}[name]

    @property
    def fusions(self) -> tuple[ModelResult, ...]:
        """The experiments that are given both modalities."""
        return tuple(one for one in self.models if one.is_fusion)

    @property
    def enough_pieces(self) -> bool:
        """Whether intervals over the judged compositions say anything."""
        return self.data.pieces >= FEWEST_FOR_INTERVAL
