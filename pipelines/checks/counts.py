"""Checks that count rows: each draw is there once, and tiers come as often as the recipe says."""

from collections import Counter, defaultdict
from collections.abc import Collection

import dagster as dg
import numpy as np

from degradation.factored import SHARES_FROM_DRAWS, FactoredRecipe
from degradation.recipe import Recipe
from degradation.tiered import TieredRecipe
from pipelines.assets.pairs import expected_draws
from pipelines.checks.checked_pairs import CheckedPairs
from pipelines.metadata import records_metadata
from pipelines.partitions import TierYear
from pipelines.verified import describe_miscounts

POPULATED_WITHIN = 2.0
"""The factor by which a factored recipe's tier may be more or less frequent than expected."""

TOLERATED_Z = 4.0
"""Standard deviations that a share may be off: more happens by chance once in 16,000."""


def find_miscounts(expected: set[str], rows: list[str], quarantined: list[str]) -> dict[str, int]:
    """Return how often each sample occurs that is missing, duplicated or not expected."""
    times = Counter(rows + quarantined)
    names = sorted(expected | set(times))
    return {name: times[name] for name in names if times[name] != (name in expected)}


def share_z(count: int, total: int, probability: float) -> float:
    """Return how many standard deviations a binomial count lies from its mean."""
    spread = np.sqrt(total * probability * (1 - probability))
    return float((count - total * probability) / spread) if spread else 0.0


def judge_rows(pairs: CheckedPairs[Recipe]) -> dg.AssetCheckResult:
    """Judge whether each draw of each segment is one row, or in quarantine once."""
    wrong: dict[str, dict[str, int]] = defaultdict(dict)
    counts: Counter[str] = Counter()
    for year in pairs.years:  # the names of one year at a time, to save memory
        of_year = pairs.within([one for one in pairs.partitions if one.year == year])
        draws = expected_draws(pairs.recipe, pairs.workspace, [year])
        made = of_year.read("tier", "sample_id")
        left_out = of_year.read("tier", "item", table="pairs_quarantine")
        for one in of_year.partitions:
            expected = {draw.sample_id for draw, _ in draws.get(one, [])}
            rows = made["sample_id"][made["tier"] == one.tier].tolist()
            quarantined = left_out["item"][left_out["tier"] == one.tier].tolist()
            wrong[one.tier] |= find_miscounts(expected, rows, quarantined)
            counts.update(expected=len(expected), rows=len(rows), quarantined=len(quarantined))
    faults = [(tier, describe_miscounts("draw", times)) for tier, times in wrong.items() if times]
    return dg.AssetCheckResult(
        passed=not faults,
        description=pairs.why(faults),
        metadata={
            "partitions": len(pairs.partitions),
            **{name: counts[name] for name in ("expected", "rows", "quarantined")},
            "missing or twice": sum(map(len, wrong.values())),
            "samples": records_metadata(
                [
                    {"tier": tier, "sample": name, "times": times}
                    for tier, miscounts in wrong.items()
                    for name, times in miscounts.items()
                ]
            ),
        },
    )


def judge_tier_shares(pairs: CheckedPairs[TieredRecipe]) -> dg.AssetCheckResult:
    """Judge whether tiers come as often as the recipe says, within 4 standard deviations.

    Quarantined draws count too. A year without some tier (it was never made) is left out.
    """
    years, counted = _count_tiers(pairs, ("pairs", "pairs_quarantine"))
    shares = _shares(pairs.recipe, counted)
    for row in shares:
        row["z"] = share_z(int(row["rows"]), counted.total(), float(row["probability"]))
    off = [row for row in shares if abs(float(row["z"])) > TOLERATED_Z]
    return _shares_result(pairs, off, years, shares)


def judge_populated_tiers(pairs: CheckedPairs[FactoredRecipe]) -> dg.AssetCheckResult:
    """Judge whether each tier is within a factor of two of its expected share.

    The expected share assumes that every factor has something to act on. Music without pedal, say,
    has better tiers. Counterfactual rows do not count. A share estimated as 0 may be a rare tier.
    """
    years, counted = _count_tiers(pairs, ("pairs",))
    shares = _shares(pairs.recipe, counted)

    def is_populated(share: float, probability: float) -> bool:
        highest = max(probability, 1 / SHARES_FROM_DRAWS) * POPULATED_WITHIN
        return probability / POPULATED_WITHIN <= share <= highest

    off = [
        row for row in shares if not is_populated(float(row["share"]), float(row["probability"]))
    ]
    return _shares_result(pairs, off, years, shares)


def _count_tiers(pairs: CheckedPairs[Recipe], tables: Collection[str]) -> tuple[int, Counter[str]]:
    """Return how many years of the run have every tier, and the draws of each tier in them."""
    shares = pairs.recipe.tier_shares
    complete: list[Counter[str]] = []
    for year in pairs.years:
        of_year = pairs.within([TierYear(year=year, tier=tier) for tier in shares])
        counts: Counter[str] = Counter()
        for table in tables:
            has_families = table == "pairs"
            rows = of_year.read("tier", *(["family"] if has_families else []), table=table)
            counts.update(rows["tier"][rows["family"].isna()] if has_families else rows["tier"])
        if all(counts[tier] for tier, share in shares.items() if share > 0):
            complete.append(counts)
    return len(complete), sum(complete, Counter())


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


def _shares_result(
    pairs: CheckedPairs[Recipe],
    off: list[dict[str, str | float]],
    years: int,
    shares: list[dict[str, str | float]],
) -> dg.AssetCheckResult:
    faults = (
        (str(row["tier"]), f"{row['share']:.1%} of the rows; expected {row['probability']:.1%}")
        for row in off
    )
    return dg.AssetCheckResult(
        passed=not off,
        description=pairs.why(faults),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"years": years, "shares": records_metadata(shares)},
    )
