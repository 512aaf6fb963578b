"""Sensors: changed recipes are observed, and the assets that depend on them made again."""

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_TAG

from degradation.recipe import Recipe
from pipelines.assets.recipe import observations
from pipelines.settings import find_recipe


def recipe_sensor(names: list[str]) -> dg.SensorDefinition:
    """Return the sensor that observes the recipes of the graph."""

    @dg.sensor(minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
    def recipes_changed(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Observe every tier that changed since its last observation; a bad YAML fails the tick."""
        recipes = [find_recipe(name) for name in names]
        changed = [event for recipe in recipes for event in changes(context.instance, recipe)]
        return dg.SensorResult(asset_events=changed)

    return recipes_changed


def changes(instance: dg.DagsterInstance, recipe: Recipe) -> list[dg.AssetObservation]:
    """Return the observations of a recipe that differ from the latest recorded ones."""
    latest = instance.event_log_storage.get_latest_tags_by_partition(
        dg.AssetKey([recipe.name, "recipe"]),
        dg.DagsterEventType.ASSET_OBSERVATION,
        [DATA_VERSION_TAG],
    )
    return [
        event
        for event in observations(recipe)
        if event.partition and event.tags != latest.get(event.partition)
    ]


def automation_sensor() -> dg.AutomationConditionSensorDefinition:
    """Return the sensor that evaluates automation conditions, also those of sources."""
    return dg.AutomationConditionSensorDefinition(
        "make_again_what_changed",
        target=dg.AssetSelection.all(include_sources=True),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
    )
