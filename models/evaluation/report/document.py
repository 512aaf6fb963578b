"""The report as data: `report.json`, from which pages are drawn. Nothing here imports torch.

Written and read by `models.document`; a figure that is not defined is NaN, null in JSON. Intervals
are 95 %, by a bootstrap that redraws whole compositions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from models.config.experiment import Experiment, Modality
from models.diagnostics.fusion_diagnostics import FusionDiagnostics
from models.document import Number
from models.evaluation.agreement.confusion import Confusion
from models.evaluation.agreement.pairs import Pairs
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What a citation needs: UTC time, git commit (None outside a checkout), package versions."""

    created_at: str
    commit: str | None
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TierSound:
    """What a recipe does to the sound of a tier: noise at an SNR, a pass band; None where not."""

    snr_db: float | None
    band_hz: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """What was judged. `counts` are samples by split and tier, `compositions` by split.

    Labels of a `tiered` recipe are drawn inside a tier's range, those of a `factored` one follow
    from the severities of factors. `split` is the one judged, `sounds` what is done to each tier.
    """

    corpus: str
    licence: str
    recipe: str
    kind: Literal["tiered", "factored"]
    audio_source: Literal["rendered", "recorded"]
    split: str
    segments: int
    counts: Mapping[str, Mapping[str, int]]
    compositions: Mapping[str, int]
    sounds: Mapping[str, TierSound]

    @property
    def pieces(self) -> int:
        """The compositions judged."""
        return self.compositions[self.split]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of the experiments that a reader needs. `step_ms` is that of the time grid."""

    seed: int
    step_ms: float
    modality_dropout: float
    tokens: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One epoch of a training, counted from 1.

    Both losses are Huber's without weights, so that they compare. `audio_share` and
    `retrieval_at_1` are those of a fusion (see `FusionFigures`).
    """

    epoch: int
    train_huber: float
    val_loss: float
    mean_r: Number
    audio_share: float | None
    retrieval_at_1: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How a model was trained; `samples_per_s` and `wait_share` are means over the epochs."""

    parameters: int
    seconds: float
    samples_per_s: float
    wait_share: float
    kept_epoch: int
    epochs: tuple[Epoch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionFigures(FusionDiagnostics):
    """A fusion in its kept epoch, on the validation split.

    `gradient_norms` are by modality, before clipping; `shift_ms` is `shift_steps` in milliseconds.
    """

    gradient_norms: Mapping[str, float]
    shift_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OneModality:
    """A fusion model that is given one modality, and what it gains with both."""

    agreement: Agreement
    gain_of_both: Gain


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelResult:
    """How one experiment did on the judged split.

    `share_of_ceiling_r` is mean r over the label ceiling's, `share_of_headroom_mae` the part of the
    way from the baseline's MAE to the ceiling's. `within_tier_r` is r inside single tiers.
    `alone`, `fusion` and `gain_over_audio` (over `audio_only`) are those of fusion models.
    """

    name: Experiment
    agreement: Agreement
    intervals: AgreementIntervals
    share_of_ceiling_r: Number
    share_of_headroom_mae: Number
    within_tier_r: Number
    confusion: Confusion
    alone: Mapping[Modality, OneModality]
    fusion: FusionFigures | None
    gain_over_audio: Gain | None
    training: Training


@dataclass(frozen=True, slots=True, kw_only=True)
class GuessedField:
    """Cross-entropies of a token field, in nats; `beats_unigram` is None of a constant one."""

    cross_entropy: float
    unigram_cross_entropy: float
    beats_unigram: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretraining:
    """The MIDI encoder's masked pretraining in its best epoch."""

    best_epoch: int
    epochs: int
    parameters: int
    seconds: float
    val_loss: float
    fields: Mapping[str, GuessedField]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that is known of the models of a recipe; rules add the verdicts at the end.

    `ceiling` is the label ceiling on the judged samples, `expected_ceiling` what the recipe alone
    says; `baseline` always predicts the training mean. `best` is the model of highest mean r on
    the validation split, `pairs` compares the best fusion with the best single modality.
    `headline` is what a page opens with, and `limitations` what to know before quoting a figure,
    the most important first.
    """

    provenance: Provenance
    data: Data
    settings: Settings
    ceiling: Agreement
    expected_ceiling: LabelCeiling
    baseline: Agreement
    models: tuple[ModelResult, ...]
    best: Experiment | None
    pairs: Pairs | None
    counterfactual: Counterfactual | None
    label_structure: LabelStructure | None
    shortcut_audit: ShortcutAudit | None
    transcription: TranscriptionAudit | None
    token_audit: TokenAudit
    pretraining: Pretraining | None
    headline: tuple[Verdict, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    limitations: tuple[Verdict, ...] = ()

    def model(self, name: Experiment) -> ModelResult:
        """Return an experiment by name; KeyError without it."""
        return {one.name: one for one in self.models}[name]

    @property
    def fusions(self) -> tuple[ModelResult, ...]:
        """The experiments that are given both modalities."""
        return tuple(one for one in self.models if one.fusion)

    @property
    def enough_pieces(self) -> bool:
        """Whether intervals over the judged compositions say anything."""
        return self.data.pieces >= FEWEST_FOR_INTERVAL
