"""Partitions: corpora for everything, and corpus × tier for the tables of a recipe.

The years of a corpus are folders within the tables, and no partition: a run makes all of them.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import dagster as dg

from degradation.recipe import TIERS

CORPORA_NAME = "corpora"
CORPORA = dg.DynamicPartitionsDefinition(name=CORPORA_NAME)
RECIPE_TIERS = dg.StaticPartitionsDefinition(list(TIERS))
CORPUS_TIERS = dg.MultiPartitionsDefinition({"corpus": CORPORA, "tier": RECIPE_TIERS})

OF_CORPUS = dg.MultiToSingleDimensionPartitionMapping("corpus")
"""Between corpus × tier and corpus, in either direction."""

OF_TIER = dg.MultiToSingleDimensionPartitionMapping("tier")
"""Between corpus × tier and tier, in either direction."""

DATA_VERSION_TAG = "dagster/data_version"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"


@dataclass(frozen=True, slots=True, order=True)
class TierYear:
    """One folder of a recipe's tables."""

    year: str
    tier: str

    @property
    def columns(self) -> dict[str, str]:
        """The values of the columns by which tables are partitioned."""
        return {"tier": self.tier, "year": self.year}


def partition_key(corpus: str, tier: str) -> str:
    """Return Dagster's key: the dimensions joined in order of their names."""
    return f"{corpus}|{tier}"


def all_tiers_tags(corpus: str) -> dict[str, str]:
    """Return the tags of one run that makes all tiers of a corpus."""
    return {
        RANGE_START_TAG: partition_key(corpus, TIERS[0]),
        RANGE_END_TAG: partition_key(corpus, TIERS[-1]),
    }


def tiers_by_corpus(keys: Iterable[str]) -> dict[str, list[str]]:
    """Return the tiers of each corpus among partition keys of corpus × tier, best tier first."""
    found: dict[str, list[str]] = defaultdict(list)
    for corpus, tier in (key.split("|") for key in keys):
        found[corpus].append(tier)
    return {corpus: sorted(tiers, key=TIERS.index) for corpus, tiers in found.items()}


def tier_years(tiers: Iterable[str], years: Iterable[str]) -> list[TierYear]:
    """Return folders by year, so that the music of a year is read once."""
    tiers = list(tiers)
    return [TierYear(year=year, tier=tier) for year in years for tier in sorted(tiers)]


def tables_of(recipe_name: str, *names: str) -> list[dg.AssetDep]:
    """Return dependencies, of an asset partitioned by corpus, on all tiers of a recipe's tables."""
    return [dg.AssetDep([recipe_name, name], partition_mapping=OF_CORPUS) for name in names]
