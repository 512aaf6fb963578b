import dataclasses
import re

import pytest

from labeling.scores import DIMENSIONS
from models.evaluation.report.audit_page import TITLES, Audit, audit_page
from models.evaluation.report.document import Report
from models.evaluation.report.formats import plain
from tests.models.evaluation.report.test_page import cells, no_gaps, rows, text


def audits(report: Report) -> dict[str, Audit]:
    """Every audit of a report, by the name of its file."""
    found = report.label_structure, report.shortcut_audit, report.transcription, report.token_audit
    return {TITLES[type(one)][0]: one for one in found if one}


@pytest.mark.parametrize("name", [name for name, _ in TITLES.values()])
def test_an_audit_s_page_stands_alone(name: str, factored_report: Report) -> None:
    html = audit_page(audits(factored_report)[name], "factored", "a <small> corpus")
    no_gaps(html)
    assert not re.findall(r'(?:href|src)="', html), "nothing is fetched"
    assert "Recipe factored, corpus a &lt;small&gt; corpus." in html
    assert f"<code>{name}.json</code>" in html


def test_a_page_has_its_audit_s_verdict_and_figures(factored_report: Report) -> None:
    audit = factored_report.shortcut_audit
    assert audit
    html = audit_page(audit, "factored", "demo")
    assert "Fails: balanced accuracy above chance and control is 0.310" in text(html)
    assert '<li><i class="line"></i>most that the recording may have: 0.450</li>' in html
    assert cells(html, "the recording")[0].startswith("0.710")
    assert ["the recording", "71 %", "71 %", "71 %", "71 %"] in rows(html)
    assert ["noise_floor_db", "0.200"] in rows(html)
    tokens = audit_page(factored_report.token_audit, "factored", "demo")
    assert cells(tokens, "notes lost")[-2:] == ["0", "0"]


def test_an_audit_without_probes_says_what_it_lacks(factored_report: Report) -> None:
    audit = factored_report.shortcut_audit
    assert audit
    few = dataclasses.replace(audit, counts={"poor": 3}, compositions=1, tiers=(), scores=())
    assert "3 rows of 1 composition are too few" in text(audit_page(few, "phase2", "demo"))


def test_transcription_costs_a_dimension_its_r(factored_report: Report) -> None:
    audit = factored_report.transcription
    assert audit
    split = audit.splits["test"]
    true, found = split.systems
    r = (0.5, *found.agreement.r[1:])
    worse = dataclasses.replace(found, agreement=dataclasses.replace(found.agreement, r=r))
    changed = dataclasses.replace(split, systems=(true, worse))
    html = audit_page(dataclasses.replace(audit, splits={"test": changed}), "factored", "demo")
    assert f"Transcribed notes cost midi_only most in {plain(DIMENSIONS[0])}: 0.201 of r." in text(
        html
    )
    assert cells(html, plain(DIMENSIONS[0])) == ["0.701", "0.500", "0.201"]
    assert cells(html, "overall") == ["0.701", "0.512", "0.189"]
    alone = dataclasses.replace(split, systems=(true,))
    assert alone.midi_costs == ()
