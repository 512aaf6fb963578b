"""Recipes side by side on one short page, drawn from their reports."""

from collections.abc import Mapping

from degradation.errors import UserError
from models.config.experiment import EXPERIMENTS
from models.evaluation.report.document import Report
from models.evaluation.report.environment import page_environment, say
from models.evaluation.report.figures.palette import EXPERIMENT_COLOURS


def comparison_page(reports: Mapping[str, Report | None]) -> str:
    """Return the page, HTML, of recipes by name; None is a recipe that was not evaluated yet.

    Raises UserError without any report.
    """
    there = {name: report for name, report in reports.items() if report is not None}
    if not there:
        raise UserError(
            f"no recipe of {', '.join(reports) or 'none'} has a report; expected at least one: "
            "materialise its evaluation"
        )
    models = {name: {one.name: one for one in report.models} for name, report in there.items()}
    return (
        page_environment()
        .get_template("comparison.html.j2")
        .render(
            reports=there,
            missing=[name for name, report in reports.items() if report is None],
            experiments=[
                name for name in EXPERIMENTS if any(name in found for found in models.values())
            ],
            models=models,
            criteria={
                one.asks.code: say(one.asks) for report in there.values() for one in report.criteria
            },
            colour_of=EXPERIMENT_COLOURS,
        )
    )
