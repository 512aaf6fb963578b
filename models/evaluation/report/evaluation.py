"""What a report is written from: samples, predictions, and what is known of how they came about."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from models.config.experiment import ExperimentConfig, Modality
from models.evaluation.audits.documents import (
    LabelStructure,
    ShortcutAudit,
    TokenAudit,
    TranscriptionAudit,
)
from models.evaluation.ceilings.label_ceiling import TierScores
from models.evaluation.report.document import Source
from models.training.hearing.result import HearingResult
from models.training.pretraining.result import PretrainingResult
from models.training.record import ModelRecord
from models.training.result import TrainingResult


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """One trained experiment and its predictions, as `predict` returns them.

    `alone` are those of a fusion model that is given one modality, by its name. `counterfactual`
    are those for the judged split's counterfactual samples, None where there are none;
    `validation` those for the validation split, of the models that late fusion joins.
    """

    training: TrainingResult
    record: ModelRecord | None
    predictions: pd.DataFrame
    alone: Mapping[Modality, pd.DataFrame]
    counterfactual: pd.DataFrame | None
    validation: pd.DataFrame | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation(Source):
    """What a report is computed from, besides its `Source`.

    `samples` has one row a sample of every split: `sample_id, split, tier, composition,
    segment_id` and the eight dimensions; counterfactual rows (split `{split}_counterfactual`) also
    `family, varied, varied_severity_jnd`. `tiers` are the recipe's score ranges, best first.
    `pretraining` is None where the MIDI encoder started from random weights, `hearing` where audio
    models hear no notes, audits where they were not made. `config` is what the experiments were
    trained with; `seed` draws the bootstrap.
    """

    samples: pd.DataFrame
    tiers: tuple[TierScores, ...]
    outcomes: tuple[Outcome, ...]
    token_audit: TokenAudit
    label_structure: LabelStructure | None
    shortcut_audit: ShortcutAudit | None
    transcription: TranscriptionAudit | None
    pretraining: PretrainingResult | None
    hearing: HearingResult | None
    config: ExperimentConfig
    seed: int

    @property
    def counterfactual_split(self) -> str:
        """The split of the judged split's counterfactual rows."""
        return f"{self.split}_counterfactual"
