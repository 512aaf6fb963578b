"""The evaluation report: one self-contained HTML page, and the same numbers as JSON.

The schema of the JSON is that of `models.evaluation.report.report_json`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.evaluation.report.environment import ReportPaths, page_environment
from models.evaluation.report.evaluation import Evaluation
from models.evaluation.report.figures.fusion_plots import fusion_keys, plot_fusion
from models.evaluation.report.figures.plots import experiment_keys, plot_scatter, tier_keys
from models.evaluation.report.figures.training_plots import plot_losses, plot_terms, term_keys
from models.evaluation.report.page import Figure, figures_of, shown
from models.evaluation.report.report_json import report_json
from models.evaluation.report.sections import SECTIONS
from models.evaluation.report.summary import Summary, summarise
from models.training.files import write_json


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


def _render(summary: Summary, content: Mapping[str, Any]) -> str:
    keys = experiment_keys(summary)
    figures = figures_of(content) | {
        "scatter": Figure(tier_keys(summary), plot_scatter(summary)),
        "losses": Figure(keys, plot_losses(summary)),
        "terms": Figure(term_keys(summary), plot_terms(summary)),
    }
    if any(found["fusion"] for found in content["experiments"]):
        figures["fusion"] = Figure(fusion_keys(summary), plot_fusion(summary))
    return (
        page_environment()
        .get_template("report.html.j2")
        .render(
            sections=[section for section in SECTIONS if section.is_there(content)],
            **shown(content, figures),
        )
    )
