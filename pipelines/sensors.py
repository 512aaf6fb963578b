"""Sensors: files that changed are recorded, and the assets that depend on them made again."""

import json

import dagster as dg

from pipelines.alerts import send_alert
from pipelines.assets.recipe import changed_tiers
from pipelines.checks.recipe import evaluation, fault
from pipelines.corpora import corpus_names
from pipelines.execution.failures import find_failed_checks, find_failure
from pipelines.execution.runs import close_orphans
from pipelines.partitions import CORPORA, CORPORA_NAME
from pipelines.settings import find_recipe, load_settings

RUNNING = dg.DefaultSensorStatus.RUNNING
INTERVAL_S = 15


def recipe_sensor(names: list[str]) -> dg.SensorDefinition:
    """Return the sensor that watches the recipes of the graph."""

    @dg.sensor(
        minimum_interval_seconds=INTERVAL_S,
        default_status=RUNNING,
        description="Records each tier whose parameters changed; a broken recipe fails its check.",
    )
    def recipes_changed(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        """Record every tier whose parameters changed since they were recorded last.

        Each recipe is read by itself. One that is broken records nothing but that, on its own page.
        """
        before = json.loads(context.cursor or "{}")
        faults = {name: fault(name) for name in names}
        events: list[dg.AssetMaterialization | dg.AssetCheckEvaluation] = []
        for name, reason in faults.items():
            if reason != before.get(name):
                events.append(evaluation(name, reason))
            if not reason:
                events += changed_tiers(context.instance, find_recipe(name))
        return dg.SensorResult(asset_events=events, cursor=json.dumps(faults))

    return recipes_changed


@dg.sensor(
    minimum_interval_seconds=INTERVAL_S,
    default_status=RUNNING,
    description="Makes a partition of each corpus that has a file.",
)
def corpora_changed(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Make each corpus that has a file a partition, and remove those whose file is gone."""
    known = set(context.instance.get_dynamic_partitions(CORPORA_NAME))
    there = set(corpus_names(load_settings()))
    requests: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    if new := sorted(there - known):
        requests.append(CORPORA.build_add_request(new))
    if gone := sorted(known - there):
        requests.append(CORPORA.build_delete_request(gone))
    return dg.SensorResult(dynamic_partitions_requests=requests)


@dg.sensor(
    minimum_interval_seconds=2 * INTERVAL_S,
    default_status=RUNNING,
    description="Ends the runs of commands that were killed: a run of the UI may wait for theirs.",
)
def commands_killed(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Mark the runs of this machine's commands that no longer exist as failed."""
    return dg.SkipReason(f"runs ended: {close_orphans(context.instance)}")


automation_sensor = dg.AutomationConditionSensorDefinition(
    "make_again_what_changed",
    target=dg.AssetSelection.all(include_sources=True),
    default_status=RUNNING,
    minimum_interval_seconds=INTERVAL_S,
    description="Requests what follows from a changed tier, corpus or code version.",
)


@dg.run_failure_sensor(
    default_status=RUNNING,
    description="Logs why a run failed, and tells the command of PIANOGRADE_ALERT.",
)
def run_failed(context: dg.RunFailureSensorContext) -> None:
    """Log a line for each run that failed, and hand it to the team's command where one is set."""
    run, instance = context.dagster_run, context.instance
    why = str(find_failure(instance, run.run_id, find_failed_checks(instance, run.run_id)))
    partition = run.tags.get("dagster/partition", "several partitions")
    assets = ", ".join(sorted(key.to_user_string() for key in run.asset_selection or ()))
    text = f"{assets or run.job_name}, {partition}: {why}"
    context.log.error(text)
    if command := load_settings().alert:
        told = {"job": run.job_name, "assets": assets, "partition": partition}
        told |= {"run": run.run_id, "why": why}
        send_alert(command, {"text": f"pianograde: {text}", **told})
