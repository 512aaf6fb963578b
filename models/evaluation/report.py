"""The evaluation report: one self-contained HTML page, and the same numbers as JSON.

`report.json` (schema version 1; a number that is not defined is null):

- `schema_version`: 1
- `data`: `corpus`, `recipe`, `audio_source`, `licence`, `split` (the one judged), `segments`,
  `counts` {split: {tier: samples}}, `compositions` {split: number}
- `dimensions`: the eight names, in the order of every list below
- `ceiling`: `expected` {`r`, `mae`, `correlation_between_dimensions`, `effective_rank`} from the
  tier table, and `on_these_samples` {`mean_r`, `mean_mae`, `r` [8], `mae` [8]}
- `baseline`: predicting the training mean: `mean_r` (0 by convention), `mean_mae`, `r`, `mae`
- `experiments`: a list of {`name`, `mean_r`, `mean_r_interval` [low, high], `mean_mae`,
  `mean_mae_interval`, `interval_clusters`, `share_of_ceiling_r`, `share_of_headroom_mae`,
  `within_tier_r`, `r` [8], `mae` [8], `parameters`, `checkpoint`, `training_s`, `best_epoch`,
  `history` [the fields of `models.history.EpochRecord`]}
- `caveats`: sentences
Intervals are 95 %, by a bootstrap over compositions.
"""

import importlib.resources
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jinja2

from labeling.scores import DIMENSIONS
from models.checkpoint import write_json
from models.evaluation.caveats import caveats
from models.evaluation.plots import plot_gate, plot_overview, plot_scatter, plot_training
from models.evaluation.summary import Evaluation, ExperimentSummary, Summary, summarise
from models.metrics import Agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPaths:
    """Where a report lies."""

    html: Path
    json: Path


def _without_nan(value: Any) -> Any:
    """Return JSON content in which what is not a number is null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_without_nan(part) for part in value]
    return value


def _agreement_json(found: Agreement) -> dict[str, Any]:
    return {"mean_r": found.mean_r, "mean_mae": found.mean_mae, "r": found.r, "mae": found.mae}


def _experiment_json(experiment: ExperimentSummary) -> dict[str, Any]:
    intervals, training = experiment.intervals, experiment.training
    return {
        "name": experiment.name,
        **_agreement_json(experiment.agreement),
        "mean_r_interval": [intervals.mean_r.low, intervals.mean_r.high],
        "mean_mae_interval": [intervals.mean_mae.low, intervals.mean_mae.high],
        "interval_clusters": intervals.clusters,
        "share_of_ceiling_r": experiment.share_of_ceiling_r,
        "share_of_headroom_mae": experiment.share_of_headroom_mae,
        "within_tier_r": experiment.within_tier_r,
        "parameters": training.parameters,
        "checkpoint": training.checkpoint.name,
        "training_s": training.seconds,
        "best_epoch": training.best.epoch,
        "history": [asdict(record) for record in training.history],
    }


def report_json(summary: Summary) -> dict[str, Any]:
    """Return the content of `report.json`; see the module for its schema."""
    content: dict[str, Any] = _without_nan(
        {
            "schema_version": 1,
            "data": {
                "corpus": summary.corpus,
                "recipe": summary.recipe,
                "audio_source": summary.audio_source,
                "licence": summary.licence,
                "split": summary.split,
                "segments": summary.segments,
                "counts": summary.counts,
                "compositions": summary.compositions,
            },
            "dimensions": DIMENSIONS,
            "ceiling": {
                "expected": {
                    "r": summary.ceiling.r,
                    "mae": summary.ceiling.mae,
                    "correlation_between_dimensions": summary.ceiling.correlation,
                    "effective_rank": summary.ceiling.effective_rank,
                },
                "on_these_samples": _agreement_json(summary.ceiling_here),
            },
            "baseline": _agreement_json(summary.baseline),
            "experiments": [_experiment_json(found) for found in summary.experiments],
            "caveats": caveats(summary),
        }
    )
    return content


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def _render(summary: Summary, content: Mapping[str, Any]) -> str:
    template = importlib.resources.files("models.evaluation").joinpath("report.html.j2")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = _number
    return environment.from_string(template.read_text(encoding="utf-8")).render(
        report=content,
        overview=plot_overview(summary),
        training=plot_training(summary),
        scatter=plot_scatter(summary),
        gates={
            found.name: plot_gate(found)
            for found in summary.experiments
            if found.training.best.gate_mean is not None
        },
    )


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
