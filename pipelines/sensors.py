"""What watches for changes: recipes are observed, and what follows from one is made again."""

import json

import dagster as dg

from degradation.errors import UserError
from pipelines.assets.recipe import observations, tier_versions
from pipelines.settings import find_recipe, recipe_names


@dg.sensor(minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def recipes_changed(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Observe every recipe whose parameters are not those seen last; a bad YAML fails the tick."""
    seen = json.loads(context.cursor) if context.cursor else {}
    events, faults = [], []
    for name in recipe_names():
        try:
            recipe = find_recipe(name)
        except UserError as error:
            faults.append(str(error))
            continue
        versions = tier_versions(recipe)
        if versions != seen.get(name):
            changed = {t for t, v in versions.items() if v != seen.get(name, {}).get(t)}
            events += [event for event in observations(recipe) if event.partition in changed]
            seen[name] = versions
    if faults:
        raise UserError("; ".join(faults))
    return dg.SensorResult(asset_events=events, cursor=json.dumps(seen))


def automation_sensor() -> dg.AutomationConditionSensorDefinition:
    """Return the sensor that requests what automation conditions ask for, sources included."""
    return dg.AutomationConditionSensorDefinition(
        "make_again_what_changed",
        target=dg.AssetSelection.all(include_sources=True),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
    )
