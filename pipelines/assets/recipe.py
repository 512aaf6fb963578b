"""A recipe in Dagster: one data version per tier, recorded from the validated YAML."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from degradation.recipe import TIERS, Recipe
from pipelines.metadata import records_metadata
from pipelines.partitions import DATA_VERSION_TAG, RECIPE_TIERS
from pipelines.settings import load_settings

PARAMETERS = "parameters"


def recipe_asset(recipe_name: str) -> dg.AssetSpec:
    """Return the external asset that stands for a recipe's YAML file.

    Dagster runs nothing for it. The sensor and commands record a materialization of each tier whose
    parameters changed.
    """
    return dg.AssetSpec(
        [recipe_name, "recipe"],
        partitions_def=RECIPE_TIERS,
        group_name=recipe_name,
        kinds={"yaml"},
        owners=["team:data"],
        description=(
            f"`{load_settings().recipes / recipe_name}.yaml`, validated. A tier's version is a "
            "digest of its parameters: comments and spaces do not count. Editing one tier of a "
            "tiered recipe changes that tier; the factors of a factored recipe change every tier."
        ),
    )


def changed_tiers(instance: dg.DagsterInstance, recipe: Recipe) -> list[dg.AssetMaterialization]:
    """Return the materializations of the tiers that differ from what was recorded last.

    Each shows the tier's parameters, and those that changed from old to new.
    """
    key, events = dg.AssetKey([recipe.name, "recipe"]), []
    for tier in TIERS:
        version, last = recipe.tier_digest(tier), latest_record(instance, key, tier)
        if last and last.tags and last.tags.get(DATA_VERSION_TAG) == version:
            continue
        events.append(
            dg.AssetMaterialization(
                asset_key=key,
                partition=tier,
                metadata=parameters_metadata(last, recipe, tier),
                tags={DATA_VERSION_TAG: version},
            )
        )
    return events


def parameters_metadata(
    last: dg.AssetMaterialization | None, recipe: Recipe, tier: str
) -> dict[str, Any]:
    """Return a tier's parameters, and which of them changed since `last`, from old to new."""
    parameters = flatten(recipe.tier_parameters(tier))
    metadata: dict[str, Any] = {}
    before = last.metadata.get(PARAMETERS) if last else None
    if isinstance(before, dg.JsonMetadataValue) and isinstance(before.value, Mapping):
        metadata["changed"] = records_metadata(changes(before.value, parameters))
    return {**metadata, PARAMETERS: dg.MetadataValue.json(parameters)}


def latest_record(
    instance: dg.DagsterInstance, key: dg.AssetKey, partition: str
) -> dg.AssetMaterialization | None:
    """Return the last materialization of a partition; None where there is none."""
    asked = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[partition])
    found = instance.fetch_materializations(asked, limit=1).records
    return found[0].asset_materialization if found else None


def flatten(values: object, prefix: str = "") -> dict[str, Any]:
    """Return nested mappings and lists as one mapping, with keys as in `notes.0.spread_s`."""
    if isinstance(values, Mapping):
        items = [(str(name), value) for name, value in values.items()]
    elif isinstance(values, list | tuple):
        items = [(str(place), value) for place, value in enumerate(values)]
    else:
        return {prefix: values}
    found: dict[str, Any] = {}
    for name, value in items:
        found |= flatten(value, f"{prefix}.{name}" if prefix else name)
    return found


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what differs between two flat mappings, by key; a key that one lacks is `-`."""
    names = [*old, *(name for name in new if name not in old)]
    return [
        {"parameter": name, "old": str(old.get(name, "-")), "new": str(new.get(name, "-"))}
        for name in names
        if old.get(name, "-") != new.get(name, "-")
    ]
