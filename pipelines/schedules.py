"""Schedules: what runs by the clock. They start switched off; see docs/operations.md."""

from collections.abc import Iterator

import dagster as dg

from degradation.recipe import TIERS
from pipelines.execution.stages import tables_job
from pipelines.partitions import CORPORA_NAME, all_tiers_tags, partition_key


def nightly_schedule(recipe_name: str) -> dg.ScheduleDefinition:
    """Return the schedule that makes a recipe's tables again, for each corpus that has some.

    Files are named by their content, so that what did not change is found and not made.
    """

    @dg.schedule(
        name=f"{recipe_name}_nightly",
        job_name=tables_job(recipe_name),
        cron_schedule="0 3 * * *",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Makes the tables again of each corpus that has some; off by default.",
    )
    def nightly(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        """Make the tables again of each corpus that has some: for teams without the sensor."""
        made = context.instance.get_materialized_partitions(dg.AssetKey([recipe_name, "pairs"]))
        for corpus in context.instance.get_dynamic_partitions(CORPORA_NAME):
            if any(partition_key(corpus, tier) in made for tier in TIERS):
                yield dg.RunRequest(tags=all_tiers_tags(corpus))

    return nightly
