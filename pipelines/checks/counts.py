"""Rows against segments: every draw is a row or in quarantine, once."""

from collections import Counter
from dataclasses import dataclass

import dagster as dg
import numpy as np

from degradation.recipe import TIERS
from pipelines.assets.pairs import expected_draws
from pipelines.metadata import records_metadata
from pipelines.resources import Project
from pipelines.settings import find_recipe
from pipelines.workspace import Workspace
from storage.tables import part_rows, read_table

TOLERATED_Z = 4.0
"""Standard deviations that a tier's share may be off: more happens by chance once in 16,000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Miscount:
    """A sample that should be there once."""

    sample_id: str
    times: int


def find_miscounts(expected: set[str], rows: list[str], left_out: list[str]) -> list[Miscount]:
    """Return the samples that are missing, twice there, or there although nobody asked for them."""
    times = Counter(rows + left_out)
    wrong = [name for name in expected | set(times) if times[name] != (name in expected)]
    return [Miscount(sample_id=name, times=times[name]) for name in sorted(wrong)]


def share_z(count: int, total: int, probability: float) -> float:
    """Return how many standard deviations a binomial count lies from its mean."""
    spread = np.sqrt(total * probability * (1 - probability))
    return float((count - total * probability) / spread) if spread else 0.0


def count_checks(recipe_name: str) -> list[dg.AssetChecksDefinition]:
    """Return a recipe's checks of row counts and tier shares."""

    @dg.asset_check(asset=[recipe_name, "pairs"], name="rows_match_segments", blocking=True)
    def rows_match_segments(project: Project) -> dg.AssetCheckResult:
        """Each draw of each segment is a row or in quarantine, once, in each partition there is."""
        workspace = project.workspace
        recipe = find_recipe(recipe_name)
        present = present_partitions(workspace, recipe_name)
        expected = {
            draw.sample_id
            for partition, draws in expected_draws(recipe, workspace).items()
            if (partition.tier, partition.year) in present
            for draw, _ in draws
        }
        pairs = read_table(workspace.table(recipe_name, "pairs")).to_table(columns=["sample_id"])
        left_out = read_table(workspace.table(recipe_name, "pairs_quarantine")).to_table()
        wrong = find_miscounts(
            expected, pairs["sample_id"].to_pylist(), left_out["item"].to_pylist()
        )
        listed = [{"sample": w.sample_id, "times": w.times} for w in wrong]
        return dg.AssetCheckResult(
            passed=not wrong,
            metadata={
                "expected": len(expected),
                "rows": len(pairs),
                "quarantined": len(left_out),
                "missing or twice": len(wrong),
                "samples": records_metadata(listed),
            },
        )

    @dg.asset_check(asset=[recipe_name, "pairs"], name="tier_shares")
    def tier_shares(project: Project) -> dg.AssetCheckResult:
        """Tiers come as often as the recipe says, within 4 standard deviations.

        Counted over the years for which all four tiers are there; draws that went to quarantine
        count too.
        """
        workspace, recipe = project.workspace, find_recipe(recipe_name)
        present = present_partitions(workspace, recipe_name)
        years = {year for _, year in present if all((t, year) in present for t in TIERS)}
        counts: Counter[str] = Counter()
        for name in ("pairs", "pairs_quarantine"):
            rows = read_table(workspace.table(recipe_name, name)).to_table(columns=["tier", "year"])
            tiers_and_years = zip(rows["tier"].to_pylist(), rows["year"].to_pylist(), strict=True)
            counts.update(tier for tier, year in tiers_and_years if str(year) in years)
        total = sum(counts.values())
        shares = [
            {
                "tier": tier,
                "rows": counts[tier],
                "share": counts[tier] / max(total, 1),
                "probability": damage.probability,
                "z": share_z(counts[tier], total, damage.probability),
            }
            for tier, damage in recipe.tiers.items()
        ]
        return dg.AssetCheckResult(
            passed=all(abs(share["z"]) <= TOLERATED_Z for share in shares),  # type: ignore[arg-type]
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"years": len(years), "shares": records_metadata(shares)},
        )

    return [rows_match_segments, tier_shares]


def present_partitions(workspace: Workspace, recipe_name: str) -> set[tuple[str, str]]:
    """Return the (tier, year) partitions that were committed, empty ones included."""
    folders = [
        dict(step.split("=") for step in path.split("/")[:-1])
        for path in part_rows(workspace.table(recipe_name, "pairs_quarantine"))
    ]
    return {(folder["tier"], folder["year"]) for folder in folders}
