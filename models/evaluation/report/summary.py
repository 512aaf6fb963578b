"""Everything a report states, as plain numbers: computed here, shown by `report`."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from degradation.errors import UserError
from labeling.scores import DIMENSIONS
from models.config.experiment import MODALITIES, Experiment, Modality
from models.evaluation.agreement.confusion import Confusion, tier_confusion
from models.evaluation.agreement.model_comparison import Pairs, best_of, compare_best
from models.evaluation.agreement.resampling import (
    AgreementIntervals,
    Gain,
    clustered_bootstrap,
    clustered_gain,
    within_tier_r,
)
from models.evaluation.ceilings.label_ceiling import (
    LabelCeiling,
    ceiling_of_severities,
    ceiling_on_samples,
    label_ceiling,
)
from models.evaluation.counterfactuals.counterfactual import Counterfactual, counterfactual
from models.evaluation.report.evaluation import Evaluation, Outcome
from models.evaluation.report.fusion_figures import FusionFigures, fusion_figures
from models.metrics import Agreement, agreement
from models.training.result import TrainingResult

Floats = NDArray[np.float64]

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExperimentSummary:
    """How one experiment did on the judged split.

    `share_of_ceiling_r` is mean r over the ceiling's; `share_of_headroom_mae` how much of the
    way from the baseline's MAE to the ceiling's was gone; nan where there is no such ceiling or
    way (rows of one tier, say). `within_tier_r` is the mean r
    inside single tiers: near 0 where labels are noise inside a tier. `alone` is how a fusion
    model did when it was given one modality, and `gain_over_alone` how far it is above that
    with both; `fusion` is what is known of its inside, and `gain_over_audio` how far it is above
    `audio_only`, where that was trained.
    """

    name: Experiment
    training: TrainingResult
    agreement: Agreement
    intervals: AgreementIntervals
    share_of_ceiling_r: float
    share_of_headroom_mae: float
    within_tier_r: float
    alone: Mapping[Modality, Agreement]
    gain_over_alone: Mapping[Modality, Gain]
    fusion: FusionFigures | None
    gain_over_audio: Gain | None
    confusion: Confusion
    true: Floats
    predicted: Floats
    tiers: tuple[str, ...]

    @property
    def validation_r(self) -> tuple[float, ...]:
        """Pearson's r of each dimension on the validation split, in the kept epoch."""
        return self.training.best.val_r


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Summary:
    """What was evaluated and its numbers; `counts[split][tier]` is a number of samples.

    `best` is the model of highest mean r on the validation split, `pairs` the best fusion beside
    the best single modality; None where there are not both.
    """

    evaluation: Evaluation
    counts: dict[str, dict[str, int]]
    compositions: dict[str, int]
    segments: int
    ceiling: LabelCeiling
    ceiling_here: Agreement
    baseline: Agreement
    experiments: tuple[ExperimentSummary, ...]
    best: Experiment | None
    pairs: Pairs | None
    counterfactual: Counterfactual | None

    def experiment(self, name: Experiment) -> ExperimentSummary:
        """Return an experiment by name; KeyError without it."""
        return {one.name: one for one in self.experiments}[name]


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
    alone = {
        modality: align(table, judged, f"{name} with {modality} alone")
        for modality, table in outcome.alone.items()
    }
    return ExperimentSummary(
        name=name,
        training=training,
        agreement=found,
        intervals=clustered_bootstrap(true, predicted, pieces, seed=evaluation.seed),
        share_of_ceiling_r=_share(found.mean_r, ceiling.mean_r),
        share_of_headroom_mae=_share(baseline.mean_mae - found.mean_mae, headroom),
        within_tier_r=within_tier_r(true, predicted, list(judged["tier"])),
        alone={modality: agreement(true, scores) for modality, scores in alone.items()},
        gain_over_alone={
            modality: clustered_gain(true, predicted, scores, pieces, seed=evaluation.seed)
            for modality, scores in alone.items()
        },
        fusion=fusion_figures(training.best, evaluation.step_ms) if is_fusion else None,
        gain_over_audio=(
            clustered_gain(true, predicted, audio_only, pieces, seed=evaluation.seed)
            if is_fusion and audio_only is not None
            else None
        ),
        confusion=tier_confusion(list(judged["tier"]), predicted[:, -1], evaluation.tiers),
        true=true,
        predicted=predicted,
        tiers=tuple(judged["tier"]),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else math.nan


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
    if evaluation.kind == "tiered":
        ceiling, ceiling_here = (
            label_ceiling(evaluation.tiers),
            ceiling_on_samples(judged, evaluation.tiers),
        )
    else:
        ceiling, ceiling_here = ceiling_of_severities(true), agreement(true, true)
    audio_only = _scores_of_audio_only(evaluation, judged)
    experiments = tuple(
        _summarise_outcome(outcome, judged, audio_only, ceiling_here, baseline, evaluation)
        for outcome in evaluation.outcomes
    )
    pieces = list(judged["composition"])
    return Summary(
        evaluation=evaluation,
        counts=_counts(evaluation),
        compositions={
            split: int(samples[samples["split"] == split]["composition"].nunique())
            for split in SPLITS
        },
        segments=int(samples["segment_id"].nunique()),
        ceiling=ceiling,
        ceiling_here=ceiling_here,
        baseline=baseline,
        experiments=experiments,
        best=best_of(experiments).name if experiments else None,
        pairs=compare_best(experiments, pieces, ceiling_here.mean_r, seed=evaluation.seed),
        counterfactual=counterfactual(
            samples[samples["split"] == evaluation.counterfactual_split],
            {
                outcome.training.experiment: outcome.counterfactual
                for outcome in evaluation.outcomes
                if outcome.counterfactual is not None
            },
            seed=evaluation.seed,
        ),
    )


def _counts(evaluation: Evaluation) -> dict[str, dict[str, int]]:
    samples = evaluation.samples
    return {
        split: {
            tier.name: int(((samples["split"] == split) & (samples["tier"] == tier.name)).sum())
            for tier in evaluation.tiers
        }
        for split in SPLITS
    }
