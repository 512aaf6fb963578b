"""What assets show in the Dagster UI."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa

from storage.tables import Table, open_table, read_table

SHOWN_ROWS = 50


def table_metadata(table: Table) -> dict[str, Any]:
    """Return a table's columns with their descriptions, its rows, place and version."""
    return {
        "dagster/column_schema": column_schema(table.schema),
        "dagster/row_count": read_table(table).count_rows(),
        "dagster/uri": table.url,
        "version": int(open_table(table).version()),
    }


def column_schema(schema: pa.Schema) -> dg.TableSchema:
    """Return Arrow columns as Dagster shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=field.name,
                type=str(field.type).split("<")[0],
                description=field.metadata[b"description"].decode(),
            )
            for field in schema
        ]
    )


def records_metadata(rows: Sequence[Mapping[str, object]]) -> dg.TableMetadataValue:
    """Return the first `SHOWN_ROWS` rows as a table; cells that Dagster cannot show become text."""
    records = [
        dg.TableRecord({name: _cell(value) for name, value in row.items()})
        for row in rows[:SHOWN_ROWS]
    ]
    columns = [dg.TableColumn(name=name) for name in (rows[0] if rows else {"nothing": ""})]
    return dg.MetadataValue.table(records, schema=dg.TableSchema(columns=columns))


def defined(value: float) -> float | None:
    """Return a figure as Dagster's JSON can hold it: None where it is NaN."""
    return None if math.isnan(value) else value


def _cell(value: object) -> str | int | float | bool | None:
    if isinstance(value, float):
        return defined(round(value, 4))
    return value if isinstance(value, str | int | bool) else str(value)
