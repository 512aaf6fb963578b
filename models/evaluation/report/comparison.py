"""Recipes side by side on one page, from what their `report.json` say and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from degradation.errors import UserError
from models.config.experiment import EXPERIMENTS
from models.evaluation.report.environment import page_environment
from models.evaluation.report.page import figures_of, shown
from models.evaluation.report.report_json import SCHEMA_VERSION
from models.evaluation.report.sections import SECTIONS
from models.evaluation.report.tables import Content


@dataclass(frozen=True, slots=True)
class ComparedSection:
    """A section with the body of it of each recipe that has one, and the recipes without."""

    id: str
    heading: str
    link: str
    bodies: Mapping[str, Markup]
    without: Sequence[str]


def comparison_page(reports: Mapping[str, Content | None]) -> str:
    """Return the page, HTML, of recipes by name; None is a recipe that was not evaluated yet.

    A section stands there when at least one recipe has it. Raises UserError without any report,
    or for one of another schema.
    """
    there = {name: report for name, report in reports.items() if report is not None}
    if not there:
        raise UserError(
            f"no recipe of {', '.join(reports) or 'none'} has a report; expected at least one: "
            "materialise its evaluation"
        )
    for name, report in there.items():
        if report["schema_version"] != SCHEMA_VERSION:
            raise UserError(
                f"the report of {name} has schema version {report['schema_version']}, expected "
                f"{SCHEMA_VERSION}: materialise its evaluation again"
            )
    return (
        page_environment()
        .get_template("comparison.html.j2")
        .render(
            reports=there,
            missing=[name for name, report in reports.items() if report is None],
            sections=_sections(there),
            experiments=by_experiment(there),
            dimensions=next(iter(there.values()))["dimensions"],
        )
    )


def by_experiment(reports: Mapping[str, Content]) -> dict[str, dict[str, Content | None]]:
    """Return what each recipe's report says of each experiment that some recipe has."""
    named: dict[str, dict[str, Any]] = {
        recipe: {one["name"]: one for one in report["experiments"]}
        for recipe, report in reports.items()
    }
    return {
        name: {recipe: found.get(name) for recipe, found in named.items()}
        for name in EXPERIMENTS
        if any(name in found for found in named.values())
    }


def _sections(reports: Mapping[str, Content]) -> list[ComparedSection]:
    made = page_environment()
    values = {name: shown(report, figures_of(report)) for name, report in reports.items()}
    compared = []
    for section in SECTIONS:
        if section.of_one or not any(section.is_there(report) for report in reports.values()):
            continue
        template = made.get_template(f"{section.id}.html.j2")
        having = [name for name, report in reports.items() if section.is_there(report)]
        bodies = {name: Markup(template.render(**values[name])) for name in having}
        without = [name for name in reports if name not in having]
        compared.append(ComparedSection(section.id, section.heading, section.link, bodies, without))
    return compared
