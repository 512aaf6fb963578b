import json
import re
from typing import Any

import pytest

from degradation.errors import UserError
from models.evaluation.report.comparison import by_experiment, comparison_page
from models.evaluation.report.evaluation import Evaluation
from models.evaluation.report.report_json import report_json
from models.evaluation.report.summary import summarise


@pytest.fixture(scope="module")
def reports(evaluation: Evaluation, factored: Evaluation) -> dict[str, Any]:
    """As read back from disk: nothing but JSON."""
    return {
        one.recipe: json.loads(json.dumps(report_json(summarise(one))))
        for one in (evaluation, factored)
    }


@pytest.fixture(scope="module")
def page(reports: dict[str, Any]) -> str:
    return comparison_page(reports)


def test_both_recipes_stand_side_by_side(page: str, reports: dict[str, Any]) -> None:
    for name, report in reports.items():
        assert f'<h3 class="recipe">{name}</h3>' in page
        for experiment in report["experiments"]:
            assert f"<td>{experiment['mean_r']:.3f}</td>" in page
        assert report["gates"][1]["found"].split(":")[0] in page
    for heading in (
        "Success gates",
        "Ceilings",
        "Dose and response",
        "Tiers told apart",
        "Audio alone",
    ):
        assert heading in page


def test_a_section_that_one_recipe_has_says_who_lacks_it(page: str) -> None:
    doses = page[page.index('<section id="doses">') : page.index('<section id="movement">')]
    assert "Nothing of this in the report of phase2." in doses
    assert '<h3 class="recipe">phase2</h3>' not in doses
    assert doses.count("<svg") == 7 + 7 + 5


def test_it_is_one_sound_page(page: str) -> None:
    ids = re.findall(r' id="([^"]*)"', page)
    assert len(set(ids)) == len(ids), "panels of two recipes share no id"
    links = re.findall(r'(?:href|src)="([^"]*)"', page)
    assert all(link.startswith(("#", "data:")) for link in links)
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    assert not re.search(r"\b(nan|NaN|None|inf|undefined)\b", page)
    assert "Missing" not in page


def test_what_is_missing_is_named(reports: dict[str, Any]) -> None:
    page = comparison_page({"phase2": reports["phase2"], "other": None, "third": None})
    assert "<b>Missing:</b> other, third. They were" in page


def test_an_experiment_that_one_recipe_lacks_is_a_gap(reports: dict[str, Any]) -> None:
    fewer = reports["phase2"] | {"experiments": reports["phase2"]["experiments"][:2]}
    found = by_experiment({"phase2": fewer, "factored": reports["factored"]})
    assert found["gated"]["phase2"] is None
    assert found["gated"]["factored"]["name"] == "gated"  # type: ignore[index]
    assert "audio_only" in found
    assert set(by_experiment({"phase2": fewer})) == {"audio_only", "midi_only"}


def test_no_report_and_an_old_one_are_refused(reports: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="no recipe of a, b has a report"):
        comparison_page({"a": None, "b": None})
    with pytest.raises(UserError, match="schema version 2, expected 3"):
        comparison_page({"phase2": reports["phase2"] | {"schema_version": 2}})
