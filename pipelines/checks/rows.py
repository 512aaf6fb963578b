"""The rows that a check judges."""

import functools
import operator
from collections.abc import Collection, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.partitions import TierYear
from storage.tables import Table, read_table


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
