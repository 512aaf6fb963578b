"""The rows that a check judges: those of its run's partitions, not what an earlier recipe left."""

import functools
import operator
from collections.abc import Collection, Sequence

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.partitions import TierYear, partitions_in_run
from pipelines.resources import Project
from storage.tables import Table, read_table


def judged_partitions(context: dg.AssetCheckExecutionContext, project: Project) -> list[TierYear]:
    """Return the partitions of the check's run, in order."""
    return sorted(partitions_in_run(context.run.tags, project.settings.years()))


def read_partitions(
    table: Table, partitions: Collection[TierYear], columns: Sequence[str]
) -> pa.Table:
    """Return columns of the rows of some partitions."""
    wanted = [
        (pc.field("tier") == partition.tier) & (pc.field("year") == int(partition.year))
        for partition in partitions
    ]
    return read_table(table).to_table(
        columns=list(columns), filter=functools.reduce(operator.or_, wanted)
    )
