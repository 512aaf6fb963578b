"""What watches for changes: recipes are observed, and what follows from one is made again."""

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_TAG

from degradation.recipe import Recipe
from pipelines.assets.recipe import observations
from pipelines.settings import find_recipe


def recipe_sensor(names: list[str]) -> dg.SensorDefinition:
    """Return the sensor that observes these recipes, which are those that the graph has."""

    @dg.sensor(minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
    def recipes_changed(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Observe every tier that is not as it was observed last; a bad YAML fails the tick."""
        recipes = [find_recipe(name) for name in names]
        return dg.SensorResult(
            asset_events=[event for recipe in recipes for event in news(context.instance, recipe)]
        )

    return recipes_changed


def news(instance: dg.DagsterInstance, recipe: Recipe) -> list[dg.AssetObservation]:
    """Return the observations of a recipe that say what the latest ones, of anybody, do not."""
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
    """Return the sensor that requests what automation conditions ask for, sources included."""
    return dg.AutomationConditionSensorDefinition(
        "make_again_what_changed",
        target=dg.AssetSelection.all(include_sources=True),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
    )
