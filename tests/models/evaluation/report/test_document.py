import dataclasses
from pathlib import Path

import pytest

from models.document import read_document, write_document
from models.evaluation.report.build import build_report
from models.evaluation.report.document import Report
from models.evaluation.report.evaluation import Evaluation


def reread(report: Report, folder: Path) -> Report:
    write_document(folder / "report.json", report)
    return read_document(folder / "report.json", Report)


@pytest.mark.parametrize("name", ["report", "factored_report"])
def test_a_report_reads_back_as_it_was_written(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    report: Report = request.getfixturevalue(name)
    once = reread(report, tmp_path)
    written = (tmp_path / "report.json").read_bytes()
    assert reread(once, tmp_path) == once
    assert (tmp_path / "report.json").read_bytes() == written
    assert once.models == report.models
    assert once.criteria == report.criteria
    assert once.headline == report.headline


def test_an_undefined_figure_is_null_and_reads_back(evaluation: Evaluation, tmp_path: Path) -> None:
    samples = evaluation.samples.copy()
    samples.loc[samples["split"] == "test", "composition"] = "the only one"
    report = build_report(dataclasses.replace(evaluation, samples=samples))
    once = reread(report, tmp_path)
    assert "NaN" not in (tmp_path / "report.json").read_text()
    assert once == reread(once, tmp_path)
    low = once.models[0].intervals.mean_r.low
    assert low != low, "one composition has no interval"
    assert not once.enough_pieces


def test_it_can_be_cited(report: Report) -> None:
    found = report.provenance
    assert found.created_at[:2] == "20"
    assert found.created_at.endswith("+00:00")
    assert {"python", "torch", "numpy", "pianograde"} <= set(found.versions)
    assert found.commit is None or len(found.commit.removesuffix("-dirty")) == 40
    assert report.settings.seed == 1
