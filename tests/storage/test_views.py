"""The views, on a few rows whose answers are told by hand."""

from typing import Any

import duckdb
import pyarrow as pa
import pytest

from storage.query import connect
from storage.schema import SAMPLES
from storage.tables import Table, commit, write_data_file
from storage.views import DIMENSIONS, VIEWS

UNDAMAGED = dict.fromkeys(DIMENSIONS, 98.0)
SEVERE = {f"severity_{name}": 0.0 for name in DIMENSIONS}


def row(sample_id: str, **values: Any) -> dict[str, Any]:
    return {"sample_id": sample_id, "split": "test", **values}


ROWS = [
    row("a", composer="Bach", composition="b1", tier="good", **UNDAMAGED),
    row("b", composer="Bach", composition="b2", tier="good", **UNDAMAGED | {"tone_quality": 58.0}),
    row("c", composer="Bach", composition="b1", tier="good", duplicate_of="a", **UNDAMAGED),
    row("d", composer="Ravel", composition="r", tier="poor", **dict.fromkeys(DIMENSIONS, 60.0)),
    row("e", MIDITimingVariance_score=90.0, MIDITempoStability_score=40.0),
    row("f", MIDITimingVariance_score=90.0, MIDIPedalTiming_score=20.0),
    row("g", family="F", varied="nothing", MIDIPedalTiming_score=80.0, **UNDAMAGED, **SEVERE),
    row(
        "h", family="F", varied="pedal_technique", varied_severity_jnd=4.0,
        MIDIPedalTiming_score=30.0,
        **UNDAMAGED | {"pedal_technique": 70.0}, **SEVERE | {"severity_pedal_technique": 4.0},
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    samples = Table(url=str(tmp_path_factory.mktemp("views") / "samples"), schema=SAMPLES)
    rows = pa.Table.from_pylist(ROWS, schema=SAMPLES)
    commit(samples, [write_data_file(samples, "a.parquet", [rows])])
    return connect({}, {"factored": {"samples": samples}}, "factored", " ".join(VIEWS))


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        (
            "from tier_by_composer where composer is not null order by composer",
            [("Bach", "good", 2, 2, 95.5, 93.0, 98.0), ("Ravel", "poor", 1, 1, 60.0, 60.0, 60.0)],
        ),
        (
            "from function_conflicts",
            [
                ("e", "test", None, "rhythmic_stability", "MIDITimingVariance", 90.0,
                 "MIDITempoStability", 40.0, 50.0),
            ],
        ),
        (
            "select sample_id, undamaged_id, varied, varied_severity_jnd, MIDIPedalTiming_change, "
            "MIDIPedalCoherence_change from families",
            [("h", "g", "pedal_technique", 4.0, -50.0, None)],
        ),
        (
            "select sample_id, varied, dimension, severity_jnd, score from severities "
            "where score < 90",
            [("h", "pedal_technique", "pedal_technique", 4.0, 70.0)],
        ),
        ("select count(*) from severities", [(16,)]),
    ],
)  # fmt: skip
def test_a_view_answers_its_question(
    connection: duckdb.DuckDBPyConnection, sql: str, rows: list[tuple[Any, ...]]
) -> None:
    assert connection.sql(sql).fetchall() == rows


@pytest.mark.parametrize("name", VIEWS)
def test_every_column_of_a_view_has_a_meaning(
    connection: duckdb.DuckDBPyConnection, name: str
) -> None:
    assert connection.sql(f"from {name}").columns == list(VIEWS[name].columns)
