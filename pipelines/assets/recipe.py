"""A recipe as Dagster sees it: one data version a tier, observed from the validated YAML."""

import dagster as dg

from degradation.recipe import TIERS, Recipe
from pipelines.settings import find_recipe

TIER_PARTITIONS = dg.StaticPartitionsDefinition(list(TIERS))


def recipe_asset(recipe_name: str) -> dg.SourceAsset:
    """Return the observable asset that stands for a recipe's YAML file."""

    @dg.observable_source_asset(
        key=[recipe_name, "recipe"],
        partitions_def=TIER_PARTITIONS,
        group_name=recipe_name,
        description=(
            f"`configs/recipes/{recipe_name}.yaml`, validated. A tier's version is a digest of its "
            "parameters: comments and spaces don't count. Editing one tier of a tiered recipe "
            "changes that one; the factors of a factored recipe reach every tier."
        ),
    )
    def recipe() -> dg.DataVersionsByPartition:
        return dg.DataVersionsByPartition(tier_versions(find_recipe(recipe_name)))

    return recipe


def tier_versions(recipe: Recipe) -> dict[str, str]:
    """Return each tier's data version."""
    return {tier: recipe.tier_digest(tier) for tier in TIERS}


def observations(recipe: Recipe) -> list[dg.AssetObservation]:
    """Return what an observation of a recipe says, tier by tier."""
    return [
        dg.AssetObservation(
            asset_key=[recipe.name, "recipe"],
            partition=tier,
            tags={"dagster/data_version": version},
        )
        for tier, version in tier_versions(recipe).items()
    ]
