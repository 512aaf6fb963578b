"""A recipe in Dagster: one data version per tier, observed from the validated YAML."""

import dagster as dg

from degradation.recipe import TIERS, Recipe
from pipelines.settings import find_recipe


def recipe_asset(recipe_name: str) -> dg.SourceAsset:
    """Return the observable asset that stands for a recipe's YAML file."""

    @dg.observable_source_asset(
        key=[recipe_name, "recipe"],
        partitions_def=dg.StaticPartitionsDefinition(list(TIERS)),
        group_name=recipe_name,
        description=(
            f"`configs/recipes/{recipe_name}.yaml`, validated. A tier's version is a digest of its "
            "parameters: comments and spaces do not count. Editing one tier of a tiered recipe "
            "changes that tier; the factors of a factored recipe change every tier."
        ),
    )
    def recipe() -> dg.DataVersionsByPartition:
        return dg.DataVersionsByPartition(tier_versions(find_recipe(recipe_name)))

    return recipe


def tier_versions(recipe: Recipe) -> dict[str, str]:
    """Return each tier's data version."""
    return {tier: recipe.tier_digest(tier) for tier in TIERS}


def observations(recipe: Recipe) -> list[dg.AssetObservation]:
    """Return the observations of a recipe, tier by tier."""
    return [
        dg.AssetObservation(
            asset_key=[recipe.name, "recipe"],
            partition=tier,
            tags={"dagster/data_version": version},
        )
        for tier, version in tier_versions(recipe).items()
    ]
