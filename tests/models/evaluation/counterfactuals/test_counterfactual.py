import dataclasses
import math
import re

import pandas as pd
import pytest

from degradation.errors import UserError
from labeling.scores import DIMENSIONS
from models.evaluation.counterfactuals.counterfactual import counterfactual
from models.evaluation.counterfactuals.families import FACTORS
from models.evaluation.report.build import build_report
from models.evaluation.report.evaluation import Evaluation
from models.evaluation.report.page import report_page


def predictions(factored: Evaluation) -> dict[str, pd.DataFrame]:
    return {one.training.experiment: one.counterfactual for one in factored.outcomes}  # type: ignore[misc]


def test_the_labels_respond_as_they_were_made(factored: Evaluation, families: pd.DataFrame) -> None:
    found = counterfactual(families, predictions(factored), seed=0)  # type: ignore[arg-type]
    assert found is not None
    assert (found.families, found.compositions) == (12, 4)
    assert found.labels.recording_invariance is not None
    assert found.labels.recording_invariance.change == (0,) * 8
    assert set(found.models) == set(predictions(factored))


def test_fusions_lean_and_others_have_nothing_to_lean(
    factored: Evaluation, families: pd.DataFrame
) -> None:
    found = counterfactual(families, predictions(factored), seed=0)  # type: ignore[arg-type]
    assert found is not None
    figures = {name: set(model.modality_reliance) for name, model in found.models.items()}
    assert figures == {
        "audio_only": set(), "midi_only": set(), "crossattn": {"audio_share"},
        "concat": {"audio_share"}, "gated": {"audio_share", "gate"},
    }  # fmt: skip
    gate = found.models["gated"].modality_reliance["gate"]
    assert gate.base == pytest.approx(0.55, abs=0.01)
    assert gate.change[4] == pytest.approx(0.08, abs=0.02), "tone quality"


def test_without_rows_there_is_nothing_to_say(families: pd.DataFrame) -> None:
    assert counterfactual(families.iloc[:0], {}, seed=0) is None


def test_predictions_of_other_rows_are_refused(
    factored: Evaluation, families: pd.DataFrame
) -> None:
    short = {"gated": predictions(factored)["gated"].iloc[1:]}
    with pytest.raises(UserError, match=r"gated has predictions for \d+ counterfactual samples"):
        counterfactual(families, short, seed=0)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("doses", "reference"), [((1, 2, 8), "2"), ((0.5, 1), "1")])
def test_other_doses_are_shown_as_what_they_are(
    factored: Evaluation, doses: tuple[float, ...], reference: str
) -> None:
    """A recipe without 4 JND among its severities: the pages say which dose they speak of."""

    def kept(rows: pd.DataFrame) -> pd.Series:
        return rows["family"].isna() | rows["varied_severity_jnd"].isin((0, *doses))

    samples = factored.samples[kept(factored.samples)]
    outcomes = tuple(
        dataclasses.replace(
            one,
            counterfactual=one.counterfactual[  # type: ignore[index]
                one.counterfactual["sample_id"].isin(samples["sample_id"])  # type: ignore[index]
            ],
        )
        for one in factored.outcomes
    )
    other = dataclasses.replace(factored, samples=samples, outcomes=outcomes)
    report = build_report(other)
    assert report.counterfactual is not None
    assert report.counterfactual.reference_jnd == float(reference)
    criteria = {one.asks.code: one for one in report.criteria}
    assert criteria["own_dimension_falls_most"].asks.numbers == {"jnd": float(reference)}
    assert criteria["grades_in_order"].passed is (None if max(doses) < 2 else True)
    page = report_page(report)
    assert f"from 0 to {reference} JND" in page
    assert not re.search(r"\b(nan|NaN|None)\b", page)


def without_pedal(families: pd.DataFrame, *names: str) -> pd.DataFrame:
    bare = families["family"].isin(names) & (families["varied"] == "pedal_technique")
    return families.assign(
        **{one: families[one].where(~bare, 100.0) for one in DIMENSIONS}  # type: ignore[arg-type]
    )


def test_rows_of_which_nothing_came_are_left_out_and_told(
    factored: Evaluation, families: pd.DataFrame
) -> None:
    rows = without_pedal(families, "family 0", "family 1", "family 2")
    found = counterfactual(rows, predictions(factored), seed=0)  # type: ignore[arg-type]
    assert found is not None
    assert found.without_effect == dict.fromkeys(FACTORS, 0) | {"pedal_technique": 0.25}
    place = FACTORS.index("pedal_technique")
    assert found.labels.doses.ordered[place][place] == 1
    assert found.families == 12, "their other factors are judged all the same"


def test_a_factor_that_is_nowhere_is_unknown_and_the_page_a_dash(
    factored: Evaluation, families: pd.DataFrame
) -> None:
    rows = without_pedal(families, *families["family"].unique())
    ordinary = factored.samples[factored.samples["family"].isna()]
    samples = pd.concat([ordinary, rows], ignore_index=True)
    silent = dataclasses.replace(factored, samples=samples)
    report = build_report(silent)
    assert report.counterfactual is not None
    gated = report.counterfactual.models["gated"]
    assert math.isnan(gated.doses.ordered[3][3])
    criteria = {one.asks.code: one for one in report.criteria}
    (reason,) = criteria["grades_in_order"].because
    assert (reason.code, reason.numbers) == ("factor_without_effect", {"factor": "pedal_technique"})
    page = report_page(report)
    assert not re.search(r"\b(nan|NaN|None)\b", page)
    assert "100 % of pedal technique" in " ".join(page.split())
