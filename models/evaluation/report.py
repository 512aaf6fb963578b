"""The evaluation report: one self-contained HTML page, and the same numbers as JSON.

The schema of the JSON is that of `models.evaluation.report_json`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from models.checkpoint import write_json
from models.evaluation.fusion_plots import fusion_keys, plot_fusion
from models.evaluation.plots import experiment_keys, plot_overview, plot_scatter, tier_keys
from models.evaluation.report_json import report_json
from models.evaluation.summary import Evaluation, Summary, summarise
from models.evaluation.tables import (
    fusion_rows,
    notes_lost,
    number,
    percent,
    signed,
    token_rows,
)
from models.evaluation.training_plots import plot_losses, plot_terms, term_keys
from models.progress import describe_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPaths:
    """Where a report lies."""

    html: Path
    json: Path


@dataclass(frozen=True, slots=True)
class Figure:
    """Panels that share their colours: `keys` and `panels`, as SVG."""

    keys: list[Any]
    panels: list[str]


def write_report(evaluation: Evaluation, out_dir: Path) -> ReportPaths:
    """Write `report.html` and `report.json` to `out_dir` and return where they lie.

    Raises UserError when there is nothing to judge (see `summarise`).
    """
    summary = summarise(evaluation)
    content = report_json(summary)
    out_dir.mkdir(parents=True, exist_ok=True)
    paths = ReportPaths(html=out_dir / "report.html", json=out_dir / "report.json")
    write_json(paths.json, content)
    paths.html.write_text(_render(summary, content), encoding="utf-8")
    return paths


def page_environment() -> jinja2.Environment:
    """Return what renders the templates of this package, with the filters of its tables."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("models.evaluation"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number, percent=percent, signed=signed, duration=describe_duration
    )
    return environment


def _render(summary: Summary, content: Mapping[str, Any]) -> str:
    fusions = [found for found in content["experiments"] if found["fusion"]]
    keys = experiment_keys(summary)
    figures = {
        "overview": Figure([], plot_overview(summary)),
        "scatter": Figure(tier_keys(summary), plot_scatter(summary)),
        "losses": Figure(keys, plot_losses(summary)),
        "terms": Figure(term_keys(summary), plot_terms(summary)),
    }
    if fusions:
        figures["fusion"] = Figure(fusion_keys(summary), plot_fusion(summary))
    return (
        page_environment()
        .get_template("report.html.j2")
        .render(
            report=content,
            figures=figures,
            fusions=fusions,
            fusion_rows=fusion_rows(fusions),
            token_rows=token_rows(content["token_audit"]),
            notes_lost=notes_lost(content["token_audit"]),
        )
    )
