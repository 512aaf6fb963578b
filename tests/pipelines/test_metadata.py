import math

import dagster as dg

from pipelines.metadata import defined, records_metadata


def test_a_figure_that_is_not_defined_is_none_and_not_nan() -> None:
    shown = dg.MaterializeResult(metadata={"r": defined(math.nan), "zero": defined(0.0)}).metadata
    assert shown == {"r": None, "zero": 0.0}
    (row,) = records_metadata([{"r": math.nan, "mae": 1.23456, "name": "gated"}]).records
    assert row.data == {"r": None, "mae": 1.2346, "name": "gated"}
