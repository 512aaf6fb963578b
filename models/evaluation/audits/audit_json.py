"""The content of `shortcut_audit.json` and `label_gates.json` (schema version 1).

A number that is not defined is null; intervals are 95 %, over compositions. A gate is
`name`, `value`, `interval` [low, high], `bound` ("at most" or "at least"), `limit`,
`compositions`, `verdict` ("holds", "fails" or "undecided") and `reason`, a sentence.

`shortcut_audit.json`:
- `schema_version`, `recipe`, `gates` ("block" or "warn"), `rows`, `compositions`
- `counts` {tier: rows}, `chance` (of balanced accuracy: 1 / tiers), `commonest` (share of the
  commonest tier: the accuracy of always naming it)
- `gate`: the larger of what `heard` has above chance and `dry`, and `drawn` above chance
- `tiers`: one a set of statistics, `statistics` ("heard", "dry", "drawn" or "notes";
  `drawn` in factored recipes alone),
  `balanced_accuracy`, `interval`, `recall` {tier: share}, `importances` {statistic: drop}
- `scores`: one a set and dimension: `statistics`, `dimension`, `r`, `r2`
- `meanings` {statistic: {`unit`, `meaning`}}

`label_gates.json`:
- `schema_version`, `recipe`, `gates`, `rows`, `compositions`
- `dimensions` [8], `correlation` [8][8], `pair`: the two that correlate most (null without two)
- `constant`: the dimensions that are the same in all rows, which the gates leave out
- `gate_list`: effective rank, and largest correlation
- `analytic`, `observable`: one a dimension: `dimension`, `r`, `mae`, `r2` (null of `analytic`);
  `observable` is empty where there are too few compositions
- `measured`: the columns that the observable ceiling was taken from
- `oracle_rows`: how many rows that was
"""

import math
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from labeling.scores import DIMENSIONS
from models.evaluation.audits.label_structure import LabelShape
from models.evaluation.audits.shortcut_probes import ScoreProbe, TierProbe
from models.evaluation.audits.shortcut_statistics import DRAWN, PLAYING, RECORDING
from models.evaluation.audits.thresholds import Gate
from models.evaluation.ceilings.observable_ceiling import DimensionCeiling
from models.evaluation.report.report_json import without_nan

SCHEMA_VERSION = 1

SETS = {"heard": RECORDING, "dry": RECORDING, "drawn": DRAWN, "notes": PLAYING}
"""Sets of statistics, and what each is made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortcutAudit:
    """What the shortcut audit found; `tiers` and `scores` hold a probe a set of statistics."""

    counts: dict[str, int]
    compositions: int
    gate: Gate
    tiers: tuple[TierProbe, ...]
    scores: tuple[ScoreProbe, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelAudit:
    """What the label gates found, and what labels can be known from."""

    compositions: int
    shape: LabelShape
    analytic: tuple[DimensionCeiling, ...]
    observable: tuple[DimensionCeiling, ...]
    measured: tuple[str, ...]
    oracle_rows: int


def shortcut_json(audit: ShortcutAudit, recipe: str, gates: str) -> dict[str, Any]:
    """Return the content of `shortcut_audit.json`; see the module for its schema."""
    rows = Counter(audit.counts).total()
    content: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "recipe": recipe,
        "gates": gates,
        "rows": rows,
        "compositions": audit.compositions,
        "counts": audit.counts,
        "chance": 1 / len(audit.counts) if audit.counts else math.nan,
        "commonest": max(audit.counts.values()) / rows if rows else math.nan,
        "gate": gate_json(audit.gate),
        "tiers": [
            asdict(probe) | {"interval": [probe.interval.low, probe.interval.high]}
            for probe in audit.tiers
        ],
        "scores": [asdict(probe) for probe in audit.scores],
        "meanings": {
            f"{kind}_{one.name}": {"unit": one.unit, "meaning": one.meaning}
            for kind, statistics in SETS.items()
            if any(probe.statistics == kind for probe in audit.tiers)
            for one in statistics
        },
    }
    found: dict[str, Any] = without_nan(content)
    return found


def label_json(audit: LabelAudit, recipe: str, gates: str) -> dict[str, Any]:
    """Return the content of `label_gates.json`; see the module for its schema."""
    content: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "recipe": recipe,
        "gates": gates,
        "rows": audit.shape.rows,
        "compositions": audit.compositions,
        "dimensions": list(DIMENSIONS),
        "correlation": audit.shape.correlation.tolist(),
        "pair": audit.shape.pair and list(audit.shape.pair),
        "constant": list(audit.shape.constant),
        "gate_list": [gate_json(gate) for gate in audit.shape.gates],
        "analytic": [asdict(one) for one in audit.analytic],
        "observable": [asdict(one) for one in audit.observable],
        "measured": list(audit.measured),
        "oracle_rows": audit.oracle_rows,
    }
    found: dict[str, Any] = without_nan(content)
    return found


def gate_json(gate: Gate) -> dict[str, Any]:
    """Return a gate as plain data; a number that is not defined is None."""
    plain = asdict(gate) | {"interval": [gate.interval.low, gate.interval.high]}
    found: dict[str, Any] = without_nan(plain)
    return found
