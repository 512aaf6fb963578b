"""Checks of labels: a tiered recipe's scores lie in ranges, a factored one's follow severities."""

import dagster as dg
import numpy as np
import pandas as pd

from degradation.factored import FACTORS, FactoredRecipe
from degradation.tiered import TieredRecipe
from labeling.scores import DIMENSIONS
from pipelines.checks.checked_pairs import CheckedPairs
from pipelines.metadata import records_metadata

SEVERITIES = [f"severity_{name}" for name in DIMENSIONS]

ROUNDING = 1e-4
"""Storing a score as float32 rounds it by up to 4e-6."""


def find_score_faults(scores: pd.DataFrame, recipe: TieredRecipe) -> list[dict[str, object]]:
    """Return how many scores of a tier and dimension are missing or outside the tier's range."""
    faults: list[dict[str, object]] = []
    for tier, rows in scores.groupby("tier"):
        low, high = recipe.tiers[str(tier)].scores
        for name in DIMENSIONS:
            if outside := int((~rows[name].between(low - ROUNDING, high + ROUNDING)).sum()):
                faults.append({"tier": str(tier), "dimension": name, "out of range": outside})
    return faults


def judge_scores(pairs: CheckedPairs[TieredRecipe]) -> dg.AssetCheckResult:
    """Judge whether every score lies in the range of its row's tier."""
    rows = pairs.read("tier", *DIMENSIONS)
    faults, scores = find_score_faults(rows, pairs.recipe), rows[list(DIMENSIONS)]
    return dg.AssetCheckResult(
        passed=not faults,
        description=pairs.why(
            (str(f["tier"]), f"{f['out of range']} scores of {f['dimension']} are out of range")
            for f in faults
        ),
        metadata={
            "rows": len(rows),
            "lowest": float(scores.min().min()) if len(rows) else 0.0,
            "highest": float(scores.max().max()) if len(rows) else 0.0,
            "out of range": records_metadata(faults),
        },
    )


def find_label_faults(rows: pd.DataFrame, recipe: FactoredRecipe) -> list[dict[str, object]]:
    """Return which labels do not follow from the rows' severities, with the number of rows."""
    severity = rows[SEVERITIES].to_numpy(np.float64)
    expected = recipe.score_curve.score(severity)
    pooled = np.array([recipe.overall(each) for each in severity[:, : len(FACTORS)]])
    tiers = np.array([recipe.score_curve.tier(jnd) for jnd in severity[:, -1]], dtype=object)
    off = {
        dimension: np.abs(rows[dimension].to_numpy(np.float64) - expected[:, column]) > ROUNDING
        for column, dimension in enumerate(DIMENSIONS)
    } | {
        "overall severity": np.abs(severity[:, -1] - pooled) > ROUNDING,
        "tier": rows["tier"].to_numpy() != tiers,
        # Comparisons with NaN are false, so missing values need a test of their own.
        "missing": np.isnan(severity).any(axis=1) | rows[list(DIMENSIONS)].isna().any(axis=1),
    }
    return [
        {"label": label, "rows": int(np.sum(wrong))} for label, wrong in off.items() if wrong.any()
    ]


def judge_labels(pairs: CheckedPairs[FactoredRecipe]) -> dg.AssetCheckResult:
    """Judge whether every score and tier follows from the row's severities."""
    rows = pairs.read("tier", *DIMENSIONS, *SEVERITIES)
    faults = find_label_faults(rows, pairs.recipe)
    return dg.AssetCheckResult(
        passed=not faults,
        description=pairs.why(
            ("", f"{f['label']} of {f['rows']} rows does not follow from their severities")
            for f in faults
        ),
        metadata={"rows": len(rows), "faults": records_metadata(faults)},
    )
