import dataclasses
import re

import pytest

from degradation.errors import UserError
from models.evaluation.report.comparison import comparison_page
from models.evaluation.report.document import Report
from tests.models.evaluation.report.test_page import no_gaps


@pytest.fixture
def reports(report: Report, factored_report: Report) -> dict[str, Report]:
    return {"phase2": report, "factored": factored_report}


def test_both_recipes_stand_side_by_side(reports: dict[str, Report]) -> None:
    page = comparison_page(reports)
    for name, report in reports.items():
        assert f"<h2>{name}</h2>" in page
        for one in report.models:
            assert f"<td>{one.agreement.mean_r:.3f}</td>" in page
    assert "In order" not in page
    no_gaps(page)
    assert not re.findall(r'(?:href|src)="(?!#|data:)', page)
    # Only a factored recipe is asked for the order of severities.
    (row,) = re.findall(r"graded in order in 90 % of pairs</th>(.*?)</tr>", page, re.S)
    assert re.sub(r"<[^>]*>", "", row).split() == ["–", "passed"]


def test_an_experiment_that_one_recipe_lacks_is_a_gap(reports: dict[str, Report]) -> None:
    fewer = dataclasses.replace(reports["phase2"], models=reports["phase2"].models[:2])
    page = comparison_page({"phase2": fewer, "factored": reports["factored"]})
    (row,) = re.findall(r"<tr><th>gated</th>(.*?)</tr>", page, re.S)
    assert re.sub(r"<[^>]*>", " ", row).split()[:4] == ["–"] * 4


def test_one_recipe_has_nothing_to_compare_and_what_is_missing_is_named(report: Report) -> None:
    page = comparison_page({"phase2": report, "other": None, "third": None})
    assert "nothing to compare yet" in page
    assert "other and third" in page
    assert "<table" not in page


def test_no_report_is_refused() -> None:
    with pytest.raises(UserError, match="no recipe of a, b has a report"):
        comparison_page({"a": None, "b": None})
