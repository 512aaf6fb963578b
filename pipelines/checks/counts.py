"""Rows against segments: every draw is a row or in quarantine, once."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import dagster as dg
import numpy as np

from degradation.factored import SHARES_FROM_DRAWS, FactoredRecipe
from degradation.recipe import Recipe
from degradation.tiered import TieredRecipe
from pipelines.assets.pairs import expected_draws
from pipelines.checks.rows import read_partitions
from pipelines.metadata import records_metadata
from pipelines.partitions import TierYear
from pipelines.workspace import Workspace

POPULATED_WITHIN = 2.0

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


def judge_rows(
    recipe: Recipe, workspace: Workspace, partitions: Collection[TierYear]
) -> dg.AssetCheckResult:
    """Judge whether each draw of each segment is a row or in quarantine, once."""
    wrong: list[Miscount] = []
    expected_count = row_count = left_out_count = 0
    for year in sorted({partition.year for partition in partitions}):  # one year's names at a time
        of_year = [partition for partition in partitions if partition.year == year]
        draws = expected_draws(recipe, workspace, [year])
        expected = {d.sample_id for partition in of_year for d, _ in draws.get(partition, [])}
        pairs = workspace.table(recipe.name, "pairs")
        rows = read_partitions(pairs, of_year, ["sample_id"])["sample_id"].to_pylist()
        quarantine = workspace.table(recipe.name, "pairs_quarantine")
        left_out = read_partitions(quarantine, of_year, ["item"])["item"].to_pylist()
        wrong += find_miscounts(expected, rows, left_out)
        expected_count += len(expected)
        row_count += len(rows)
        left_out_count += len(left_out)
    return dg.AssetCheckResult(
        passed=not wrong,
        metadata={
            "partitions": len(partitions),
            "expected": expected_count,
            "rows": row_count,
            "quarantined": left_out_count,
            "missing or twice": len(wrong),
            "samples": records_metadata(
                [{"sample": miss.sample_id, "times": miss.times} for miss in wrong]
            ),
        },
    )


def judge_tier_shares(
    recipe: TieredRecipe, workspace: Workspace, partitions: Collection[TierYear]
) -> dg.AssetCheckResult:
    """Judge whether tiers come as often as the recipe says, in the run's years.

    Draws that went to quarantine count too. A year of which a tier was never made is left out.
    """
    whole, counted = _count_tiers(workspace, recipe, partitions, ("pairs", "pairs_quarantine"))
    z = {
        tier: share_z(counted[tier], counted.total(), share)
        for tier, share in recipe.tier_shares.items()
    }
    shares = _shares(recipe, counted)
    for row in shares:
        row["z"] = z[str(row["tier"])]
    return dg.AssetCheckResult(
        passed=max(map(abs, z.values())) <= TOLERATED_Z,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"years": whole, "shares": records_metadata(shares)},
    )


def judge_populated_tiers(
    recipe: FactoredRecipe, workspace: Workspace, partitions: Collection[TierYear]
) -> dg.AssetCheckResult:
    """Judge whether each tier is within a factor of two of its share where all factors strike.

    A factor that finds nothing to act on (no pedal, say) is no damage, so that music without it
    has better tiers. Counterfactual rows don't count. A tier whose share came out as 0 may be a
    rare one.
    """
    whole, counted = _count_tiers(workspace, recipe, partitions, ("pairs",))
    shares = _shares(recipe, counted)
    off = [
        row["tier"]
        for row in shares
        if not float(row["probability"]) / POPULATED_WITHIN
        <= float(row["share"])
        <= max(float(row["probability"]), 1 / SHARES_FROM_DRAWS) * POPULATED_WITHIN
    ]
    return dg.AssetCheckResult(
        passed=not off,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"years": whole, "shares": records_metadata(shares)},
    )


def _count_tiers(
    workspace: Workspace, recipe: Recipe, partitions: Collection[TierYear], tables: Sequence[str]
) -> tuple[int, Counter[str]]:
    """Return how many of the run's years are whole, and how many of their draws each tier has.

    Whole is a year that has each tier which the recipe draws at all.
    """
    drawn = [tier for tier, share in recipe.tier_shares.items() if share > 0]
    counts: list[Counter[str]] = []
    for year in sorted({partition.year for partition in partitions}):
        tiers = [TierYear(year=year, tier=tier) for tier in recipe.tier_shares]
        of_year: Counter[str] = Counter()
        for name in tables:
            table = workspace.table(recipe.name, name)
            columns = ["tier", "family"] if "family" in table.schema.names else ["tier"]
            for row in read_partitions(table, tiers, columns).to_pylist():
                of_year[row["tier"]] += row.get("family") is None
        counts.append(of_year)
    whole = [count for count in counts if all(count[tier] for tier in drawn)]
    return len(whole), sum(whole, Counter())


def _shares(recipe: Recipe, counted: Counter[str]) -> list[dict[str, str | float]]:
    return [
        {
            "tier": tier,
            "rows": counted[tier],
            "share": counted[tier] / max(counted.total(), 1),
            "probability": share,
        }
        for tier, share in recipe.tier_shares.items()
    ]
