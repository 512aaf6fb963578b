"""What assets show in the Dagster UI."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from models.training.history import Epoch
from storage.tables import Table, open_table, read_table

SHOWN_ROWS = 50


def table_metadata(table: Table) -> dict[str, Any]:
    """Return a table's columns with their descriptions, its rows, place and version."""
    columns = [
        dg.TableColumn(
            name=field.name,
            type=str(field.type).split("<")[0],
            description=field.metadata[b"description"].decode(),
        )
        for field in table.schema
    ]
    return {
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "dagster/row_count": read_table(table).count_rows(),
        "dagster/uri": table.url,
        "version": int(open_table(table).version()),
    }


def records_metadata(rows: Sequence[Mapping[str, object]]) -> dg.TableMetadataValue:
    """Return the first `SHOWN_ROWS` rows as a table; cells that Dagster cannot show become text.

    Dagster refuses rows with different columns: a cell that a row lacks is empty.
    """
    names = dict.fromkeys(name for row in rows for name in row) or ["nothing"]
    records = [
        dg.TableRecord({name: _cell(row.get(name, "")) for name in names})
        for row in rows[:SHOWN_ROWS]
    ]
    columns = [dg.TableColumn(name=name) for name in names]
    return dg.MetadataValue.table(records, schema=dg.TableSchema(columns=columns))


def epochs_metadata(
    history: Sequence[Epoch],
) -> dg.TableMetadataValue:
    """Return a training's epochs as a table; an epoch may lack a figure that others have."""
    return records_metadata([{"epoch": record.epoch, **record.curves()} for record in history])


def curves_metadata(
    record: Epoch,
) -> dict[str, float | None]:
    """Return the figures of an epoch, each by itself, so that the UI plots it."""
    return {name: defined(value) for name, value in record.curves().items()}


def defined(value: float) -> float | None:
    """Return a figure as people read it and Dagster's JSON can hold it: rounded, None for NaN.

    Four decimals, or four digits of a figure below 1, such as a rate of learning.
    """
    if math.isnan(value):
        return None
    return round(value, 4) if abs(value) >= 1 else float(f"{value:.4g}")


def _cell(value: object) -> str | int | float | bool | None:
    if isinstance(value, float):
        return defined(value)
    return value if isinstance(value, str | int | bool) else str(value)
