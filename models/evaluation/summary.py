"""Everything a report states, as plain numbers: computed here, shown by `report`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from degradation.errors import UserError
from labeling.scores import DIMENSIONS
from models.config import Experiment
from models.evaluation.ceilings import LabelCeiling, TierScores, ceiling_on_samples, label_ceiling
from models.evaluation.statistics import AgreementIntervals, clustered_bootstrap
from models.metrics import Agreement, agreement, mean_over_dimensions, pearson_r
from models.train import TrainingResult

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """One trained experiment and its predictions: `sample_id` and the eight dimensions."""

    training: TrainingResult
    predictions: pd.DataFrame


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
    `sounds` what it does to the sound of each; `split` is the one that is judged. `seed` draws
    the bootstrap. `corpus` and `licence` are shown as they are.
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
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExperimentSummary:
    """How one experiment did on the judged split.

    `share_of_ceiling_r` is mean r over the ceiling's; `share_of_headroom_mae` how much of the
    way from the baseline's MAE to the ceiling's was gone. `within_tier_r` is the mean r
    inside single tiers: near 0 where labels are noise inside a tier.
    """

    name: Experiment
    training: TrainingResult
    agreement: Agreement
    intervals: AgreementIntervals
    share_of_ceiling_r: float
    share_of_headroom_mae: float
    within_tier_r: float
    true: Floats
    predicted: Floats
    tiers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Summary:
    """The numbers of a report; `counts[split][tier]` is a number of samples."""

    recipe: str
    audio_source: str
    corpus: str
    licence: str
    split: str
    sounds: Mapping[str, TierSound]
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


def within_tier_r(true: Floats, predicted: Floats, tiers: Sequence[str]) -> float:
    """Return r inside each tier, as the mean over tiers (by size) and dimensions."""
    belongs = np.asarray(tiers)
    names, sizes = np.unique(belongs, return_counts=True)
    figures = np.array(
        [
            mean_over_dimensions(pearson_r(true[belongs == tier], predicted[belongs == tier]))
            for tier in names
        ]
    )
    defined = ~np.isnan(figures)
    if not defined.any():
        return float("nan")
    return float(np.average(figures[defined], weights=sizes[defined]))


def _summarise_outcome(
    outcome: Outcome, judged: pd.DataFrame, ceiling: Agreement, baseline: Agreement, seed: int
) -> ExperimentSummary:
    name = outcome.training.experiment
    true = judged[list(DIMENSIONS)].to_numpy(np.float64)
    predicted = align(outcome.predictions, judged, name)
    found = agreement(true, predicted)
    headroom = baseline.mean_mae - ceiling.mean_mae
    return ExperimentSummary(
        name=name,
        training=outcome.training,
        agreement=found,
        intervals=clustered_bootstrap(true, predicted, list(judged["composition"]), seed=seed),
        share_of_ceiling_r=found.mean_r / ceiling.mean_r,
        share_of_headroom_mae=(baseline.mean_mae - found.mean_mae) / headroom,
        within_tier_r=within_tier_r(true, predicted, list(judged["tier"])),
        true=true,
        predicted=predicted,
        tiers=tuple(judged["tier"]),
    )


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
    names = [tier.name for tier in evaluation.tiers]
    counts = {
        split: {
            tier: int((samples[samples["split"] == split]["tier"] == tier).sum()) for tier in names
        }
        for split in ("train", "validation", "test")
    }
    return Summary(
        recipe=evaluation.recipe,
        audio_source=evaluation.audio_source,
        corpus=evaluation.corpus,
        licence=evaluation.licence,
        split=evaluation.split,
        sounds=evaluation.sounds,
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
            _summarise_outcome(outcome, judged, ceiling_here, baseline, evaluation.seed)
            for outcome in evaluation.outcomes
        ),
    )
