"""Partitions: tier × year, read from the corpus that the settings name."""

from dataclasses import dataclass

import dagster as dg

from degradation.recipe import TIERS


@dataclass(frozen=True, slots=True, order=True)
class TierYear:
    """One partition of a recipe's tables."""

    year: str
    tier: str

    @property
    def key(self) -> str:
        """Dagster's name for it: the dimensions are joined in order of their names."""
        return f"{self.tier}|{self.year}"

    @property
    def columns(self) -> dict[str, str]:
        """The partition's columns in tables."""
        return {"tier": self.tier, "year": self.year}


def tier_year_partitions(years: list[str]) -> dg.MultiPartitionsDefinition:
    """Return tier × year."""
    return dg.MultiPartitionsDefinition(
        {
            "tier": dg.StaticPartitionsDefinition(list(TIERS)),
            "year": dg.StaticPartitionsDefinition(years),
        }
    )


def partitions_of(context: dg.AssetExecutionContext) -> list[TierYear]:
    """Return the partitions of this run, by year, so that a year's music is read once."""
    keys = (key.keys_by_dimension for key in map(_multi, context.partition_keys))
    return sorted(TierYear(year=key["year"], tier=key["tier"]) for key in keys)


def _multi(key: str) -> dg.MultiPartitionKey:
    if not isinstance(key, dg.MultiPartitionKey):
        raise TypeError(f"expected a tier|year partition key, got {key!r}")
    return key
