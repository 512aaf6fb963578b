"""Partitions: tier × year, read from the corpus that the settings name."""

from collections.abc import Mapping
from dataclasses import dataclass

import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)

from degradation.recipe import TIERS


@dataclass(frozen=True, slots=True, order=True)
class TierYear:
    """One partition of a recipe's tables."""

    year: str
    tier: str

    @property
    def key(self) -> str:
        """Dagster's key: the dimensions joined in order of their names."""
        return f"{self.tier}|{self.year}"

    @property
    def columns(self) -> dict[str, str]:
        """The partition's columns in tables."""
        return {"tier": self.tier, "year": self.year}


def partitions_in_run(tags: Mapping[str, str], years: list[str]) -> set[TierYear]:
    """Return the partitions that a run with these tags makes: all, where none is named."""
    if key := tags.get(PARTITION_NAME_TAG):
        start = end = key
    else:
        start = tags.get(ASSET_PARTITION_RANGE_START_TAG, f"{TIERS[0]}|{years[0]}")
        end = tags.get(ASSET_PARTITION_RANGE_END_TAG, f"{TIERS[-1]}|{years[-1]}")
    (first_tier, first_year), (last_tier, last_year) = start.split("|"), end.split("|")
    tiers = TIERS[TIERS.index(first_tier) : TIERS.index(last_tier) + 1]
    return {
        TierYear(year=year, tier=tier)
        for tier in tiers
        for year in years
        if first_year <= year <= last_year
    }


def tier_year_partitions(years: list[str]) -> dg.MultiPartitionsDefinition:
    """Return tier × year."""
    return dg.MultiPartitionsDefinition(
        {
            "tier": dg.StaticPartitionsDefinition(list(TIERS)),
            "year": dg.StaticPartitionsDefinition(years),
        }
    )


def partitions_of(context: dg.AssetExecutionContext) -> list[TierYear]:
    """Return the partitions of this run, by year, so that the music of a year is read once."""
    keys = (key.split("|") for key in context.partition_keys)
    return sorted(TierYear(year=year, tier=tier) for tier, year in keys)
