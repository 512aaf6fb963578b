"""Compute a report from samples and predictions."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from degradation.errors import UserError
from labeling.scores import DIMENSIONS
from models.evaluation.agreement.confusion import tier_confusion
from models.evaluation.agreement.model_comparison import (
    Predictions,
    best_of,
    compare_best,
    compare_late,
    sound_gains,
)
from models.evaluation.agreement.resampling import (
    clustered_bootstrap,
    clustered_gain,
    within_tier_r,
)
from models.evaluation.ceilings.label_ceiling import (
    ceiling_on_samples,
    label_ceiling,
)
from models.evaluation.counterfactuals.counterfactual import counterfactual
from models.evaluation.criteria.acceptance import judge_criteria
from models.evaluation.criteria.limitations import headline, limitations
from models.evaluation.report.document import (
    Data,
    ModelResult,
    OneModality,
    Report,
    Settings,
    Source,
)
from models.evaluation.report.evaluation import Evaluation, Outcome
from models.metrics import Agreement, agreement
from models.provenance import provenance
from models.training.result import SomeResult

Floats = NDArray[np.float64]

SPLITS = ("train", "validation", "test")


def build_report(evaluation: Evaluation) -> Report:
    """Return the report with all figures and verdicts.

    The baseline always predicts the training split's mean score of each dimension.
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
        expected, ceiling = (
            label_ceiling(evaluation.tiers),
            ceiling_on_samples(judged, evaluation.tiers),
        )
    else:
        expected, ceiling = None, agreement(true, true)
    validation = samples[samples["split"] == "validation"]
    chosen_from = [_judged(one, judged, true, validation) for one in evaluation.outcomes]
    pieces, seed = list(judged["composition"]), evaluation.seed
    report = Report(
        provenance=provenance(),
        data=_data(evaluation),
        settings=Settings(
            seed=evaluation.seed,
            step_ms=1000 / evaluation.config.grid_rate_hz,
            huber_weight=evaluation.config.loss.huber.weight,
            modality_dropout=evaluation.config.fusion.modality_dropout,
            tokens=evaluation.config.midi_encoder.tokens,
        ),
        ceiling=ceiling,
        expected_ceiling=expected,
        baseline=baseline,
        models=tuple(
            _model(outcome, judged, one, ceiling, evaluation)
            for outcome, one in zip(evaluation.outcomes, chosen_from, strict=True)
        ),
        best=best_of(chosen_from).name if chosen_from else None,
        fusion_pair=compare_best(chosen_from, pieces, ceiling.mean_r, seed=seed),
        late_fusion=compare_late(chosen_from, pieces, ceiling.mean_r, seed=seed),
        sound_gains=sound_gains(chosen_from, pieces, seed=seed),
        counterfactual=counterfactual(
            samples[samples["split"] == evaluation.counterfactual_split],
            {
                outcome.training.experiment: outcome.counterfactual
                for outcome in evaluation.outcomes
                if outcome.counterfactual is not None
            },
            seed=evaluation.seed,
        ),
        label_structure=evaluation.label_structure,
        shortcut_audit=evaluation.shortcut_audit,
        transcription=evaluation.transcription,
        token_audit=evaluation.token_audit,
        pretraining=evaluation.pretraining and _without_folder(evaluation.pretraining),
        hearing=evaluation.hearing and _without_folder(evaluation.hearing),
    )
    return dataclasses.replace(
        report,
        headline=headline(report),
        criteria=judge_criteria(report),
        limitations=limitations(report),
    )


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


def _judged(
    outcome: Outcome, judged: pd.DataFrame, true: Floats, validation: pd.DataFrame
) -> Predictions:
    name, table = outcome.training.experiment, outcome.validation
    return Predictions(
        name,
        outcome.training.best.val_r,
        true,
        align(outcome.predictions, judged, name),
        None
        if table is None
        else (validation[list(DIMENSIONS)].to_numpy(np.float64), align(table, validation, name)),
    )


def _data(evaluation: Evaluation) -> Data:
    samples = evaluation.samples
    return Data(
        **{field.name: getattr(evaluation, field.name) for field in dataclasses.fields(Source)},
        segments=int(samples["segment_id"].nunique()),
        counts={
            split: {
                tier.name: int(((samples["split"] == split) & (samples["tier"] == tier.name)).sum())
                for tier in evaluation.tiers
            }
            for split in SPLITS
        },
        compositions={
            split: int(samples[samples["split"] == split]["composition"].nunique())
            for split in SPLITS
        },
    )


def _model(
    outcome: Outcome,
    judged: pd.DataFrame,
    scores: Predictions,
    ceiling: Agreement,
    evaluation: Evaluation,
) -> ModelResult:
    name, true, predicted = scores.name, scores.true, scores.predicted
    pieces, tiers = list(judged["composition"]), list(judged["tier"])
    found, seed = agreement(true, predicted), evaluation.seed
    alone = {
        modality: align(table, judged, f"{name} with {modality} alone")
        for modality, table in outcome.alone.items()
    }
    return ModelResult(
        name=name,
        agreement=found,
        intervals=clustered_bootstrap(true, predicted, pieces, seed=seed),
        share_of_ceiling_r=found.mean_r / ceiling.mean_r if ceiling.mean_r > 0 else math.nan,
        within_tier_r=within_tier_r(true, predicted, tiers),
        confusion=tier_confusion(tiers, predicted[:, -1], evaluation.tiers),
        alone={
            modality: OneModality(
                agreement=agreement(true, table),
                gain_of_both=clustered_gain(true, predicted, table, pieces, seed=seed),
            )
            for modality, table in alone.items()
        },
        training=_without_folder(outcome.training),
        record=outcome.record,
    )


def _without_folder(result: SomeResult) -> SomeResult:
    """Return a training without the folder of its weights: a report names no place."""
    return dataclasses.replace(result, checkpoint=Path(result.checkpoint.name))
