"""Scores inside their tier's range, and inside 0-100 whatever the recipe."""

import dagster as dg
import pandas as pd

from degradation.recipe import Recipe
from labeling.scores import DIMENSIONS
from pipelines.metadata import records_metadata
from pipelines.resources import Project
from pipelines.settings import find_recipe
from storage.tables import read_table


def find_score_faults(scores: pd.DataFrame, recipe: Recipe) -> list[dict[str, object]]:
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


def score_checks(recipe_name: str) -> list[dg.AssetChecksDefinition]:
    """Return a recipe's check of score ranges."""

    @dg.asset_check(asset=[recipe_name, "pairs"], name="scores_in_range", blocking=True)
    def scores_in_range(project: Project) -> dg.AssetCheckResult:
        """Every score lies in the range of its row's tier."""
        table = project.workspace.table(recipe_name, "pairs")
        scores = read_table(table).to_table(columns=["tier", *DIMENSIONS]).to_pandas()
        faults = find_score_faults(scores, find_recipe(recipe_name))
        return dg.AssetCheckResult(
            passed=not faults,
            metadata={
                "rows": len(scores),
                "lowest": float(scores[list(DIMENSIONS)].min().min()) if len(scores) else 0.0,
                "highest": float(scores[list(DIMENSIONS)].max().max()) if len(scores) else 0.0,
                "out of range": records_metadata(faults),
            },
        )

    return [scores_in_range]
