"""Everything a report states, as plain numbers: computed here, shown by `report`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from degradation.errors import UserError
from labeling.scores import DIMENSIONS
from models.config.experiment import MODALITIES, Experiment, ExperimentConfig, Modality
from models.evaluation.ceilings import LabelCeiling, TierScores, ceiling_on_samples, label_ceiling
from models.evaluation.fusion_figures import FusionFigures, fusion_figures
from models.evaluation.statistics import (
    AgreementIntervals,
    Gain,
    clustered_bootstrap,
    clustered_gain,
    within_tier_r,
)
from models.metrics import Agreement, agreement
from models.pretraining.history import PretrainingResult
from models.train import TrainingResult

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """One trained experiment and its predictions: `sample_id` and the eight dimensions.

    `alone` are those of a fusion model that is given one modality, by its name.
    """

    training: TrainingResult
    predictions: pd.DataFrame
    alone: Mapping[Modality, pd.DataFrame]


@dataclass(frozen=True, slots=True, kw_only=True)
class TierSound:
    """What a recipe does to the sound of a tier: noise at an SNR, a pass band; None where not."""

    snr_db: float | None
    band_hz: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation:
    """What a report is written from.

    `samples` has one row a sample of every split: `sample_id, split, tier, composition,
    segment_id` and the eight dimensions. `tiers` are the recipe's score ranges, best first, and
    `sounds` what it does to the sound of each; `split` is the one that is judged. `token_audit`
    are the rows of the tokeniser audit (the fields of `models.tokens.audit.AuditRow`) and
    `pretraining` the MIDI encoder's; None where it started from random weights. `config` is what
    the experiments were trained with. `seed` draws the bootstrap. `corpus` and `licence` are
    shown as they are.
    """

    recipe: str
    audio_source: Literal["rendered", "recorded"]
    corpus: str
    licence: str
    samples: pd.DataFrame
    split: str
    tiers: tuple[TierScores, ...]
    sounds: Mapping[str, TierSound]
    outcomes: tuple[Outcome, ...]
    token_audit: Sequence[Mapping[str, object]]
    pretraining: PretrainingResult | None
    config: ExperimentConfig
    seed: int

    @property
    def step_ms(self) -> float:
        """How long a step of the common time grid lasts."""
        return 1000 / self.config.grid_rate_hz


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExperimentSummary:
    """How one experiment did on the judged split.

    `share_of_ceiling_r` is mean r over the ceiling's; `share_of_headroom_mae` how much of the
    way from the baseline's MAE to the ceiling's was gone. `within_tier_r` is the mean r
    inside single tiers: near 0 where labels are noise inside a tier. `alone` is how a fusion
    model did when it was given one modality, `fusion` what is known of its inside, and
    `gain_over_audio` how far it is above `audio_only`, where that was trained.
    """

    name: Experiment
    training: TrainingResult
    agreement: Agreement
    intervals: AgreementIntervals
    share_of_ceiling_r: float
    share_of_headroom_mae: float
    within_tier_r: float
    alone: Mapping[Modality, Agreement]
    fusion: FusionFigures | None
    gain_over_audio: Gain | None
    true: Floats
    predicted: Floats
    tiers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Summary:
    """What was evaluated and its numbers; `counts[split][tier]` is a number of samples."""

    evaluation: Evaluation
    counts: dict[str, dict[str, int]]
    compositions: dict[str, int]
    segments: int
    ceiling: LabelCeiling
    ceiling_here: Agreement
    baseline: Agreement
    experiments: tuple[ExperimentSummary, ...]


def align(predictions: pd.DataFrame, judged: pd.DataFrame, experiment: str) -> Floats:
    """Return predictions, float64 (samples, 8), in the order of `judged`.

    Raises UserError unless each judged sample has exactly one prediction.
    """
    if sorted(predictions["sample_id"]) != sorted(judged["sample_id"]):
        raise UserError(
            f"{experiment} has predictions for {len(predictions)} samples, expected one for each "
            f"of the {len(judged)} judged ones: predict again from the present features"
        )
    ordered = predictions.set_index("sample_id").loc[judged["sample_id"], list(DIMENSIONS)]
    return ordered.to_numpy(np.float64)


def _summarise_outcome(
    outcome: Outcome,
    judged: pd.DataFrame,
    audio_only: Floats | None,
    ceiling: Agreement,
    baseline: Agreement,
    evaluation: Evaluation,
) -> ExperimentSummary:
    name, training = outcome.training.experiment, outcome.training
    is_fusion = len(MODALITIES[name]) > 1
    true, pieces = judged[list(DIMENSIONS)].to_numpy(np.float64), list(judged["composition"])
    predicted = align(outcome.predictions, judged, name)
    found = agreement(true, predicted)
    headroom = baseline.mean_mae - ceiling.mean_mae
    return ExperimentSummary(
        name=name,
        training=training,
        agreement=found,
        intervals=clustered_bootstrap(true, predicted, pieces, seed=evaluation.seed),
        share_of_ceiling_r=found.mean_r / ceiling.mean_r,
        share_of_headroom_mae=(baseline.mean_mae - found.mean_mae) / headroom,
        within_tier_r=within_tier_r(true, predicted, list(judged["tier"])),
        alone={
            modality: agreement(true, align(table, judged, f"{name} with {modality} alone"))
            for modality, table in outcome.alone.items()
        },
        fusion=fusion_figures(training.best, evaluation.step_ms) if is_fusion else None,
        gain_over_audio=(
            clustered_gain(true, predicted, audio_only, pieces, seed=evaluation.seed)
            if is_fusion and audio_only is not None
            else None
        ),
        true=true,
        predicted=predicted,
        tiers=tuple(judged["tier"]),
    )


def _scores_of_audio_only(evaluation: Evaluation, judged: pd.DataFrame) -> Floats | None:
    for outcome in evaluation.outcomes:
        if outcome.training.experiment == "audio_only":
            return align(outcome.predictions, judged, "audio_only")
    return None


def summarise(evaluation: Evaluation) -> Summary:
    """Return the numbers of an evaluation.

    The baseline predicts the training split's mean score of each dimension, always.
    Raises UserError when the judged split or the training split is empty.
    """
    samples = evaluation.samples
    judged = samples[samples["split"] == evaluation.split].reset_index(drop=True)
    train = samples[samples["split"] == "train"]
    if judged.empty or train.empty:
        found = samples["split"].value_counts().to_dict()
        raise UserError(
            f"an evaluation needs train and {evaluation.split} samples, got {found}: "
            "choose more performances"
        )
    true = judged[list(DIMENSIONS)].to_numpy(np.float64)
    mean = train[list(DIMENSIONS)].to_numpy(np.float64).mean(axis=0)
    baseline = agreement(true, np.broadcast_to(mean, true.shape))
    ceiling_here = ceiling_on_samples(judged, evaluation.tiers)
    audio_only = _scores_of_audio_only(evaluation, judged)
    names = [tier.name for tier in evaluation.tiers]
    counts = {
        split: {
            tier: int((samples[samples["split"] == split]["tier"] == tier).sum()) for tier in names
        }
        for split in ("train", "validation", "test")
    }
    return Summary(
        evaluation=evaluation,
        counts=counts,
        compositions={
            split: int(samples[samples["split"] == split]["composition"].nunique())
            for split in counts
        },
        segments=int(samples["segment_id"].nunique()),
        ceiling=label_ceiling(evaluation.tiers),
        ceiling_here=ceiling_here,
        baseline=baseline,
        experiments=tuple(
            _summarise_outcome(outcome, judged, audio_only, ceiling_here, baseline, evaluation)
            for outcome in evaluation.outcomes
        ),
    )
