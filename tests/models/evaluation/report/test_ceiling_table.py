import dataclasses

import pytest

from models.evaluation.report.ceiling_table import ceiling_rows
from models.evaluation.report.evaluation import Evaluation
from models.evaluation.report.report_json import report_json
from models.evaluation.report.summary import summarise


def test_what_is_left_and_what_fusing_gains(factored: Evaluation) -> None:
    report = report_json(summarise(factored))
    rows = {row.name: row for row in ceiling_rows(report)}
    assert list(rows) == [*report["dimensions"], "mean"]
    row, pair = rows["tone_quality"], report["pairs"]["dimensions"][4]
    assert row.ceiling_r == 1
    assert row.observable_r == pytest.approx(0.94)
    assert row.headroom_r == pytest.approx(1 - row.best_r)  # type: ignore[operator]
    assert row.single_headroom_r == pytest.approx(1 - pair["single_r"])
    assert row.fusion_share == pytest.approx(pair["difference"] / (1 - pair["single_r"]))
    mean = rows["mean"]
    assert mean.fusion_share == pytest.approx(report["pairs"]["mean"]["share_of_headroom"])
    assert mean.share_of_headroom_mae == pytest.approx(1 - mean.best_mae / mean.baseline_mae)


def test_without_fusions_nothing_is_gained_and_at_the_ceiling_nothing_shared(
    evaluation: Evaluation,
) -> None:
    report = report_json(summarise(evaluation))
    assert all(row.fusion_share is None for row in ceiling_rows(report)), "no headroom"
    single = dataclasses.replace(evaluation, outcomes=evaluation.outcomes[:1])
    rows = ceiling_rows(report_json(summarise(single)))
    assert all(row.single_headroom_r is None and row.observable_r is None for row in rows)
    assert rows[-1].headroom_r == pytest.approx(0)
