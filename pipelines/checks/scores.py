"""Scores inside their tier's range."""

from collections.abc import Collection

import dagster as dg
import pandas as pd

from degradation.tiered import TieredRecipe
from labeling.scores import DIMENSIONS
from pipelines.checks.rows import read_partitions
from pipelines.metadata import records_metadata
from pipelines.partitions import TierYear
from pipelines.workspace import Workspace


def find_score_faults(scores: pd.DataFrame, recipe: TieredRecipe) -> list[dict[str, object]]:
    """Return how many scores of each tier and dimension are missing or out of the tier's range.

    float32 rounds a score by up to 4e-6, which is let pass.
    """
    faults: list[dict[str, object]] = []
    for tier, rows in scores.groupby("tier"):
        low, high = recipe.tiers[str(tier)].scores
        for dimension in DIMENSIONS:
            inside = rows[dimension].between(low - 1e-4, high + 1e-4)
            if not inside.all():
                faults.append(
                    {
                        "tier": str(tier),
                        "dimension": dimension,
                        "out of range": int((~inside).sum()),
                    }
                )
    return faults


def judge_scores(
    recipe: TieredRecipe, workspace: Workspace, partitions: Collection[TierYear]
) -> dg.AssetCheckResult:
    """Judge whether every score lies in the range of its row's tier."""
    table = workspace.table(recipe.name, "pairs")
    scores = read_partitions(table, partitions, ["tier", *DIMENSIONS]).to_pandas()
    faults = find_score_faults(scores, recipe)
    return dg.AssetCheckResult(
        passed=not faults,
        metadata={
            "rows": len(scores),
            "lowest": float(scores[list(DIMENSIONS)].min().min()) if len(scores) else 0.0,
            "highest": float(scores[list(DIMENSIONS)].max().max()) if len(scores) else 0.0,
            "out of range": records_metadata(faults),
        },
    )
