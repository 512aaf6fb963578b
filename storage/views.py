"""Views on a recipe's samples for what people ask most, and the dictionary of all columns, as SQL.

Rows that repeat another row's audio and MIDI are left out.
"""

from dataclasses import dataclass
from itertools import combinations

import pyarrow as pa

from labeling.functions import LABELING_FUNCTIONS
from labeling.scores import DIMENSIONS
from storage.schema import SAMPLES, TABLES

DISTINCT = "from {samples} where duplicate_of is null"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a view answers, the meaning of its columns, and its SQL on `{samples}`."""

    purpose: str
    columns: dict[str, str]
    sql: str


def _meanings(schema: pa.Schema) -> dict[str, str]:
    return {field.name: field.metadata[b"description"].decode() for field in schema}


def _of_samples(*names: str) -> dict[str, str]:
    return {name: _meanings(SAMPLES)[name] for name in names}


_RIVALS = [
    (one, other)
    for one, other in combinations(LABELING_FUNCTIONS, 2)
    if one.dimension == other.dimension
]
"""Labeling functions that score the same dimension."""

VIEWS = {
    "tier_by_composer": View(
        purpose="Tier × composer: rows, compositions, and scores over all dimensions.",
        columns=_of_samples("composer", "tier")
        | {
            "rows": "Number of rows.",
            "compositions": "Number of compositions.",
            "mean_score": "Mean of the rows' scores, each the mean of its eight dimensions.",
            "lowest_score": "The lowest of them.",
            "highest_score": "The highest of them.",
        },
        sql=f"with scored as (select *, ({' + '.join(DIMENSIONS)}) / {len(DIMENSIONS)} as score "
        f"{DISTINCT}) select composer, tier, count(*) as rows, "
        "count(distinct composition) as compositions, round(avg(score), 1) as mean_score, "
        "round(min(score)::double, 1) as lowest_score, "
        "round(max(score)::double, 1) as highest_score from scored group by all",
    ),
    "function_conflicts": View(
        purpose="Labeling functions that score the same dimension, side by side, where both do.",
        columns=_of_samples("sample_id", "split", "tier")
        | {
            "dimension": "Dimension that both functions score.",
            "function": "Name of the first function.",
            "score": "Its score, 0 to 100.",
            "other_function": "Name of the second function.",
            "other_score": "Its score, 0 to 100.",
            "difference": "Difference of the two scores, without sign.",
        },
        sql=" union all ".join(
            f"select sample_id, split, tier, '{one.dimension}' as dimension, "
            f"'{one.name}' as function, {one.name}_score as score, "
            f"'{other.name}' as other_function, {other.name}_score as other_score, "
            f"abs(score - other_score) as difference {DISTINCT} and difference is not null"
            for one, other in _RIVALS
        ),
    ),
    "families": View(
        purpose="Members of counterfactual families, each beside its family's undamaged row: what "
        "one fault alone does to each labeling function. Empty in tiered recipes.",
        columns=_of_samples("family", "split", "varied", "varied_severity_jnd", "sample_id")
        | {"undamaged_id": "sample_id of the family's undamaged row."}
        | {
            f"{f.name}_change": f"{f.name}: score minus that of the undamaged row; null if either "
            "abstains."
            for f in LABELING_FUNCTIONS
        },
        sql="select member.family, member.split, member.varied, member.varied_severity_jnd, "
        "member.sample_id, undamaged.sample_id as undamaged_id, "
        + ", ".join(
            f"member.{f.name}_score - undamaged.{f.name}_score as {f.name}_change"
            for f in LABELING_FUNCTIONS
        )
        + " from {samples} as member join {samples} as undamaged using (family) "
        "where undamaged.varied = 'nothing' and member.varied <> 'nothing'",
    ),
    "severities": View(
        purpose="Severity and score of every row, a line a dimension. Empty in tiered recipes.",
        columns=_of_samples("sample_id", "split", "tier", "varied")
        | {
            "dimension": "Name of the dimension.",
            "severity_jnd": "Severity of its damage, in just-noticeable differences.",
            "score": "Its score, 50 to 100.",
        },
        sql="select sample_id, split, tier, varied, dimension, severity_jnd, score from "
        f"(select * {DISTINCT}) unpivot ((severity_jnd, score) for dimension in ("
        + ", ".join(f"(severity_{name}, {name}) as {name}" for name in DIMENSIONS)
        + ")) where severity_jnd is not null",
    ),
}


def dictionary() -> pa.Table:
    """Return what every table, view and column means; of a table itself the column is null."""
    tables = {name: (purpose, _meanings(schema)) for name, (purpose, schema) in TABLES.items()}
    tables |= {name: (view.purpose, view.columns) for name, view in VIEWS.items()}
    rows = [
        {"table_name": table, "column_name": column, "meaning": meaning}
        for table, (purpose, columns) in tables.items()
        for column, meaning in [(None, purpose), *columns.items()]
    ]
    return pa.Table.from_pylist(rows)
