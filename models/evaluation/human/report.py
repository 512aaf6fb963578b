"""The page on human validation, and the same numbers as JSON.

`human_validation.json` holds:

- `recipe`; `clips`: `read`, `quarantined`, `judged`, `score_segments`, `works` (clips of each),
  `ratings` and `rating_rows_refused`, `quarantine` (`item` and `reason` of each);
- `sentences`: what the page says first;
- `reliability`: `mean` and each scale's `icc_1`, `icc_k`, `split_half`, `raters`, `targets`;
- `heuristics` and `functions`: rows of `name`, `unit`, `scale`, `claimed_sign` (1, -1 or null),
  `n`, `pooled` and `within` (`rho`, `low`, `high`), `baseline_within_rho`, `verdict`; heuristics
  also `stated_rho`, functions also `abstained`;
- `baseline`: `by_work` and `by_segment`, each `r2`, `r`, `within_r`, `within_low`, `within_high`;
- `models`: null, or `judged`, `score_segments`, `left_out` (clips by training performance),
  `experiments` (rows as above by experiment), and how many of the clips judged are of
  performances that a model's encoder has read in pretraining, without labels
  (`read_in_pretraining`, by experiment), or has never read (`never_read`); `no_models`: the
  reason of a null;
- `fine_tuning`: null, or `clips`, `works`, `works_heard` (those that training or pretraining is
  known to have had a performance of), `seeds` (trainings a fold), `from_checkpoint`,
  `from_pretrained` (null where the checkpoint did not start from an encoder), `from_scratch`,
  `baseline` (as `by_work`), `gain_over` (`pretrained` or `scratch`: the start that the
  checkpoint's gain is over), `gain_within_r`, `gain_low`, `gain_high`; `not_tuned`: the reason of
  a null.

rho is Spearman's, r Pearson's; bounds are 95 % bootstrap of whole score segments; a figure that
cannot be had is null.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import numpy as np

from labeling.statistics import Correlation
from models.evaluation.human.features import FEATURES
from models.evaluation.human.fine_tuning import StartName
from models.evaluation.human.folds import HeldOut
from models.evaluation.human.hypotheses import NO_CLAIM
from models.evaluation.human.rating_agreement import Row
from models.evaluation.human.sentences import say
from models.evaluation.human.summary import Findings
from models.evaluation.report.environment import ReportPaths, page_environment
from models.training.files import write_json


def write_human_report(findings: Findings, out_dir: Path) -> ReportPaths:
    """Write `human_validation.html` and `.json` to `out_dir` and return where they lie."""
    content = human_json(findings)
    out_dir.mkdir(parents=True, exist_ok=True)
    paths = ReportPaths(
        html=out_dir / "human_validation.html", json=out_dir / "human_validation.json"
    )
    write_json(paths.json, content)
    template = page_environment().get_template("human.html.j2")
    page = template.render(report=content, features=list(FEATURES), no_claim=NO_CLAIM)
    paths.html.write_text(page, encoding="utf-8")
    return paths


def human_json(findings: Findings) -> dict[str, Any]:
    """Return the findings in the schema that this module states."""
    rated, graded, tuned = findings.rated, findings.models, findings.tuned
    by_scale = {scale: asdict(found) for scale, found in findings.reliability.items()}
    measures = ("icc_1", "icc_k", "split_half", "raters")
    return {
        "recipe": findings.recipe,
        "clips": {
            "read": len(rated.clips),
            "quarantined": len(rated.faults),
            "quarantine": [{"item": f.item, "reason": f.reason} for f in rated.faults],
            "judged": findings.judged,
            "score_segments": findings.segments,
            "works": dict(findings.works),
            "ratings": len(rated.ratings.stems),
            "rating_rows_refused": rated.rows_refused,
            "listeners": len(set(rated.ratings.raters)),
        },
        "sentences": say(findings),
        "reliability": {
            "mean": {
                measure: _finite(float(np.mean([found[measure] for found in by_scale.values()])))
                for measure in measures
            },
            "scales": {
                scale: {name: _finite(value) for name, value in found.items()}
                for scale, found in by_scale.items()
            },
        },
        "heuristics": [{**_row(row), "stated_rho": row.stated_rho} for row in findings.heuristics],
        "functions": [
            {**_row(row), "abstained": findings.abstained[row.name]} for row in findings.functions
        ],
        "baseline": {
            "by_work": _held_out(findings.baseline_by_work),
            "by_segment": _held_out(findings.baseline_by_segment),
        },
        "models": graded
        and {
            "judged": graded.judged,
            "score_segments": graded.segments,
            "left_out": dict(graded.heard),
            "read_in_pretraining": dict(graded.read),
            "never_read": {name: graded.judged - read for name, read in graded.read.items()},
            "experiments": {name: _rows(rows) for name, rows in graded.rows.items()},
        },
        "no_models": "" if graded else findings.no_models,
        "fine_tuning": tuned
        and {
            "clips": tuned.clips,
            "works": list(tuned.works),
            "works_heard": list(findings.works_heard),
            "seeds": tuned.seeds,
            **{
                f"from_{name}": _held_out(tuned.starts[name]) if name in tuned.starts else None
                for name in get_args(StartName)
            },
            "baseline": _held_out(tuned.baseline),
            "gain_over": tuned.gain_over,
            "gain_within_r": _finite(tuned.gain),
            "gain_low": _finite(tuned.gain_interval.low),
            "gain_high": _finite(tuned.gain_interval.high),
        },
        "not_tuned": "" if tuned else findings.not_tuned,
    }


def _rows(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [_row(row) for row in rows]


def _row(row: Row) -> dict[str, Any]:
    agreement = row.agreement
    return {
        "name": row.name,
        "unit": row.unit,
        "scale": row.scale,
        "claimed_sign": agreement.sign,
        "n": agreement.within.n,
        "pooled": _correlation(agreement.pooled),
        "within": _correlation(agreement.within),
        "baseline_within_rho": _finite(row.baseline),
        "verdict": agreement.verdict,
    }


def _correlation(found: Correlation) -> Mapping[str, float | None]:
    return {"rho": _finite(found.r), "low": _finite(found.low), "high": _finite(found.high)}


def _held_out(found: HeldOut) -> Mapping[str, float | None]:
    return {
        "r2": _finite(found.r2),
        "r": _finite(found.r),
        "within_r": _finite(found.within_r),
        "within_low": _finite(found.within_interval.low),
        "within_high": _finite(found.within_interval.high),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
