"""What watches for changes: recipes are observed, and what follows from one is made again."""

import json

import dagster as dg

from pipelines.assets.recipe import observations, tier_versions
from pipelines.settings import find_recipe


def recipe_sensor(names: list[str]) -> dg.SensorDefinition:
    """Return the sensor that observes these recipes, which are those that the graph has."""

    @dg.sensor(minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
    def recipes_changed(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Observe every recipe that is not as it was seen last; a bad YAML fails the tick."""
        seen = json.loads(context.cursor) if context.cursor else {}
        recipes = [find_recipe(name) for name in names]
        events = []
        for recipe in recipes:
            versions, before = tier_versions(recipe), seen.get(recipe.name, {})
            changed = {tier for tier in versions if versions[tier] != before.get(tier)}
            events += [event for event in observations(recipe) if event.partition in changed]
            seen[recipe.name] = versions
        return dg.SensorResult(asset_events=events, cursor=json.dumps(seen))

    return recipes_changed


def automation_sensor() -> dg.AutomationConditionSensorDefinition:
    """Return the sensor that requests what automation conditions ask for, sources included."""
    return dg.AutomationConditionSensorDefinition(
        "make_again_what_changed",
        target=dg.AssetSelection.all(include_sources=True),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
    )
