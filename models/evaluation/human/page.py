"""The page on human validation, drawn from its document alone."""

from pathlib import Path
from typing import Any

from models.evaluation.human.document import HumanValidation
from models.evaluation.human.hypotheses import NO_HYPOTHESIS
from models.evaluation.report.environment import ReportPaths, page_environment, write_report


def write_human_validation(found: HumanValidation, folder: Path) -> ReportPaths:
    """Write `human_validation.html` and `.json` to `folder` and return where they lie."""
    page = page_environment().get_template("human.html.j2").render(
        found=found, sentences=summary_lines(found), no_hypothesis=NO_HYPOTHESIS
    )  # fmt: skip
    return write_report(found, page, folder, "human_validation")


def summary_lines(found: HumanValidation) -> list[str]:
    """Return the page's first sentences as plain text."""
    text = page_environment().overlay(autoescape=False)
    macros: Any = text.get_template("human_summary.j2").make_module()
    said = (macros.functions(found), macros.models(found), macros.fine_tuning(found))
    return [" ".join(line.split()) for line in said]
