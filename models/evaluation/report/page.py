"""What every page of results shows of a report, and the environment that its templates need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.evaluation.report.ceiling_table import ceiling_rows
from models.evaluation.report.figures.audit_plots import plot_audits
from models.evaluation.report.figures.comparison_plots import plot_confusions, plot_differences
from models.evaluation.report.figures.counterfactual_plots import (
    DIMENSION_KEYS,
    model_keys,
    plot_all_curves,
    plot_leaning,
    plot_monotone,
    plot_movement,
    plot_own_curves,
)
from models.evaluation.report.figures.drawing import Key
from models.evaluation.report.figures.plots import plot_overview
from models.evaluation.report.tables import (
    Content,
    fusion_rows,
    leanings,
    notes_lost,
    token_rows,
)


@dataclass(frozen=True, slots=True)
class Figure:
    """Panels that share their colours: `keys` and `panels`, as SVG."""

    keys: Sequence[Key]
    panels: Sequence[str]


def figures_of(report: Content) -> dict[str, Figure]:
    """Return the figures that the content of a `report.json` is enough for."""
    figures = {
        "overview": Figure([], plot_overview(report)),
        "differences": Figure([], plot_differences(report)),
        "confusions": Figure([], plot_confusions(report)),
        "audits": Figure([], plot_audits(report)),
    }
    if report["counterfactual"]:
        models = model_keys(report)
        figures |= {
            "own_curves": Figure(models, plot_own_curves(report)),
            "all_curves": Figure(DIMENSION_KEYS, plot_all_curves(report)),
            "monotone": Figure([], plot_monotone(report)),
            "movement": Figure([], plot_movement(report)),
            "leaning": Figure(
                [key for key in models if _leans(report, key.name)], plot_leaning(report)
            ),
        }
    return figures


def _leans(report: Content, name: str) -> bool:
    return bool(report["counterfactual"]["models"][name]["modality_reliance"])


def shown(report: Content, figures: Mapping[str, Figure]) -> dict[str, Any]:
    """Return what the templates of a report's sections are rendered with."""
    fusions = [found for found in report["experiments"] if found["fusion"]]
    return {
        "report": report,
        "figures": figures,
        "fusions": fusions,
        "fusion_rows": fusion_rows(fusions),
        "ceiling_rows": ceiling_rows(report),
        "leanings": leanings(report),
        "token_rows": token_rows(report["token_audit"]),
        "notes_lost": notes_lost(report["token_audit"]),
    }
