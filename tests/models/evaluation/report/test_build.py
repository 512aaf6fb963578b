import dataclasses
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from degradation.errors import UserError
from labeling.scores import DIMENSIONS
from models.config.experiment import EXPERIMENTS, MODALITIES
from models.evaluation.report.build import build_report
from models.evaluation.report.document import Report
from models.evaluation.report.evaluation import Evaluation
from models.evaluation.report.page import report_page
from tests.models.evaluation.report.test_page import no_gaps

FUSIONS = [name for name in EXPERIMENTS if len(MODALITIES[name]) > 1]


def criteria(report: Report) -> dict[str, Any]:
    return {one.asks.code: one for one in report.criteria}


def test_a_perfect_tier_classifier_is_at_the_ceiling_and_the_truth_above_it(
    report: Report,
) -> None:
    classifier, oracle = report.model("audio_only"), report.model("gated")
    assert classifier.share_of_ceiling_r == pytest.approx(1)
    assert classifier.within_tier_r == 0
    assert oracle.agreement.mean_r == oracle.within_tier_r == pytest.approx(1)


def test_a_fusion_given_nothing_of_use_says_the_mean(report: Report) -> None:
    for one in report.models:
        assert set(one.alone) == ({"audio", "midi"} if one.name in FUSIONS else set())
        assert one.is_fusion == (one.name in FUSIONS)
        if one.alone:
            assert one.alone["midi"].agreement == report.baseline
            assert one.alone["audio"].agreement.mean_r > 0.9


def test_what_is_counted_kept_and_guessed(evaluation: Evaluation, report: Report) -> None:
    counted = evaluation.samples.groupby(["split", "tier"]).size()
    for (split, tier), count in counted.items():  # type: ignore[misc]
        assert report.data.counts[split][tier] == count
    assert report.data.compositions == {"train": 6, "validation": 2, "test": 3}
    assert report.expected_ceiling is not None
    assert report.expected_ceiling.r == pytest.approx(0.96629, abs=1e-5)
    for outcome, one in zip(evaluation.outcomes, report.models, strict=True):
        assert one.intervals.mean_r.low <= one.agreement.mean_r <= one.intervals.mean_r.high
        assert one.training.best.epoch == 5, "the last is not the best"
        assert one.training.epochs == outcome.training.epochs
    assert report.pretraining is not None
    assert report.pretraining.checkpoint.parent == Path()
    assert report.hearing is not None
    assert report.hearing.checkpoint.parent == Path()
    assert report.pretraining.best.beats_unigram == {"pitch": True, "velocity": False}


def judged_on(evaluation: Evaluation, samples: pd.DataFrame, tiers: Any = None) -> Evaluation:
    """The evaluation with these samples alone, and what was predicted of them."""
    there = set(samples["sample_id"])

    def cut(table: pd.DataFrame) -> pd.DataFrame:
        return table[table["sample_id"].isin(there)]

    outcomes = tuple(
        dataclasses.replace(
            one,
            predictions=cut(one.predictions),
            alone={side: cut(table) for side, table in one.alone.items()},
            validation=None if one.validation is None else cut(one.validation),
        )
        for one in evaluation.outcomes
    )
    return dataclasses.replace(
        evaluation, samples=samples, outcomes=outcomes, tiers=tiers or evaluation.tiers
    )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rows", [1, 3])
def test_a_handful_of_test_rows_gives_a_page_of_dashes(evaluation: Evaluation, rows: int) -> None:
    samples = evaluation.samples
    few = pd.concat(
        [samples[samples["split"] != "test"], samples[samples["split"] == "test"][:rows]]
    )
    report = build_report(judged_on(evaluation, few))
    no_gaps(report_page(report))


@pytest.mark.filterwarnings("error")
def test_rows_of_one_tier_leave_no_ceiling_to_reach(evaluation: Evaluation) -> None:
    samples = evaluation.samples[evaluation.samples["tier"] == "good"]
    tiers = tuple(
        dataclasses.replace(tier, probability=float(tier.name == "good"))
        for tier in evaluation.tiers
    )
    report = build_report(judged_on(evaluation, samples, tiers))
    assert report.ceiling.mean_r == 0
    assert all(math.isnan(one.share_of_ceiling_r) for one in report.models)
    no_gaps(report_page(report))


@pytest.mark.filterwarnings("error")
def test_a_fusion_without_diagnostics_in_one_epoch_still_has_a_page(
    evaluation: Evaluation,
) -> None:
    blind = {
        "audio_share": None, "retrieval_at_1": None, "retrieval_chance": None, "cka": None,
        "shift_steps": None, "shift_cka": None, "attention_entropy": {},
    }  # fmt: skip
    concat = next(o for o in evaluation.outcomes if o.training.experiment == "concat")
    record = concat.training.epochs[0]
    record = dataclasses.replace(
        record,
        val_r=(math.nan,) * 8,
        diagnostics=dataclasses.replace(record.diagnostics, **blind),  # type: ignore[arg-type]
    )
    training = dataclasses.replace(concat.training, epochs=(record,))
    bare = dataclasses.replace(concat, training=training)
    report = build_report(dataclasses.replace(evaluation, outcomes=(evaluation.outcomes[0], bare)))
    assert math.isnan(report.model("concat").training.epochs[0].mean_r)
    no_gaps(report_page(report))


@pytest.mark.parametrize("side", [None, "audio"])
def test_predictions_of_other_samples_are_refused(evaluation: Evaluation, side: str | None) -> None:
    first = next(o for o in evaluation.outcomes if o.training.experiment == "gated")
    if side is None:
        short = dataclasses.replace(first, predictions=first.predictions.iloc[1:])
    else:
        alone = {**first.alone, side: first.alone[side].iloc[1:]}  # type: ignore[index]
        short = dataclasses.replace(first, alone=alone)  # type: ignore[arg-type]
    what = "gated with audio alone" if side else "gated"
    with pytest.raises(UserError, match=f"{what} has predictions for 179 samples"):
        build_report(dataclasses.replace(evaluation, outcomes=(short,)))


def test_nothing_to_judge_is_refused(evaluation: Evaluation) -> None:
    left = evaluation.samples[evaluation.samples["split"] != "test"]
    with pytest.raises(UserError, match="needs train and test samples"):
        build_report(dataclasses.replace(evaluation, samples=left, outcomes=()))


def test_counterfactual_rows_are_judged_with_nothing_else(
    factored: Evaluation, factored_report: Report
) -> None:
    ordinary = factored.samples[factored.samples["family"].isna()]
    outcomes = tuple(dataclasses.replace(one, counterfactual=None) for one in factored.outcomes)
    without = build_report(dataclasses.replace(factored, samples=ordinary, outcomes=outcomes))
    assert without.counterfactual is None
    for name in ("models", "fusion_pair", "baseline", "ceiling", "data"):
        assert getattr(without, name) == getattr(factored_report, name)


@pytest.mark.filterwarnings("error")
def test_a_label_that_never_changes_takes_its_own_dimension_out_of_the_figures_alone(
    factored: Evaluation,
) -> None:
    """Music without pedal: the label of pedal technique is 100 in every row."""
    samples = factored.samples.copy()
    samples.loc[samples["family"].isna(), "pedal_technique"] = 100.0
    report = build_report(dataclasses.replace(factored, samples=samples))
    place = DIMENSIONS.index("pedal_technique")
    assert all(math.isnan(one.agreement.r[place]) for one in report.models)
    assert not any(math.isnan(one.intervals.mean_r.low) for one in report.models)
    learnt = criteria(report)["every_model_learnt"]
    assert learnt.found.numbers["constant"] == ("pedal_technique",)
    lost = [reason.numbers.get("dimensions", ()) for reason in learnt.because]
    assert not any("pedal_technique" in dimensions for dimensions in lost)
    no_gaps(report_page(report))
