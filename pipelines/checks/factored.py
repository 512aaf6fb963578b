"""What a factored recipe promises of its rows: scores from severity, doses, and clean twins."""

from collections.abc import Collection

import dagster as dg
import numpy as np
import pandas as pd

from degradation.factored import FACTORS, Factor, FactoredRecipe
from degradation.factored_sampling import NOTHING, NUISANCE
from labeling.scores import DIMENSIONS
from pipelines.checks.damage import judge_noise
from pipelines.checks.rows import read_partitions
from pipelines.metadata import records_metadata
from pipelines.partitions import TierYear
from pipelines.workspace import Workspace

SEVERITIES = [f"severity_{name}" for name in DIMENSIONS]
ROUNDING = 1e-4
"""float32 rounds a score by up to 4e-6."""


def find_label_faults(rows: pd.DataFrame, recipe: FactoredRecipe) -> list[dict[str, object]]:
    """Return which of a table's labels do not follow from its severities, by how many rows."""
    severity = rows[SEVERITIES].to_numpy(np.float64)
    expected = recipe.score_curve.score(severity)
    pooled = np.array([recipe.overall(each) for each in severity[:, : len(FACTORS)]])
    tiers = np.array([recipe.score_curve.tier(jnd) for jnd in severity[:, -1]], dtype=object)
    off = {
        dimension: np.abs(rows[dimension].to_numpy(np.float64) - expected[:, column]) > ROUNDING
        for column, dimension in enumerate(DIMENSIONS)
    } | {
        "overall severity": np.abs(severity[:, -1] - pooled) > ROUNDING,
        "tier": rows["tier"].to_numpy() != tiers,
    }
    # A null severity or score compares as neither within nor beyond.
    off["missing"] = np.isnan(severity).any(axis=1) | rows[list(DIMENSIONS)].isna().any(axis=1)
    return [
        {"label": label, "rows": int(np.sum(wrong))} for label, wrong in off.items() if wrong.any()
    ]


def judge_labels(
    recipe: FactoredRecipe, workspace: Workspace, partitions: Collection[TierYear]
) -> dg.AssetCheckResult:
    """Judge whether every score and tier is what the row's severities give."""
    columns = ["tier", *DIMENSIONS, *SEVERITIES]
    table = read_partitions(workspace.table(recipe.name, "pairs"), partitions, columns)
    faults = find_label_faults(table.to_pandas(), recipe)
    return dg.AssetCheckResult(
        passed=not faults, metadata={"rows": len(table), "faults": records_metadata(faults)}
    )


def judge_jitter_dose(
    recipe: FactoredRecipe, workspace: Workspace, partitions: Collection[TierYear]
) -> dg.AssetCheckResult:
    """Judge whether onsets stray more, the more severe the rhythm's fault, and not without one."""
    return _judge_dose(recipe, workspace, partitions, "rhythmic_stability", ("jitter_ms",))


def judge_slip_dose(
    recipe: FactoredRecipe, workspace: Workspace, partitions: Collection[TierYear]
) -> dg.AssetCheckResult:
    """Judge whether there are more slips, the more severe the notes' fault, and none without."""
    shares = ("wrong_note_share", "missed_note_share", "extra_note_share")
    return _judge_dose(recipe, workspace, partitions, "note_accuracy", shares)


def _judge_dose(
    recipe: FactoredRecipe,
    workspace: Workspace,
    partitions: Collection[TierYear],
    factor: Factor,
    measures: tuple[str, ...],
) -> dg.AssetCheckResult:
    columns = ["varied", "varied_severity_jnd", *measures]
    table = read_partitions(workspace.table(recipe.name, "pairs"), partitions, columns)
    rows: pd.DataFrame = table.to_pandas()
    rows["dose"] = rows[list(measures)].sum(axis=1)
    clean = rows[rows["varied"].isin([NOTHING, NUISANCE])]
    by_severity = rows[rows["varied"] == factor].groupby("varied_severity_jnd")["dose"].mean()
    return dg.AssetCheckResult(
        passed=bool((clean["dose"] == 0).all() and by_severity.is_monotonic_increasing),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "undamaged rows": len(clean),
            "undamaged rows that measure damage": int((clean["dose"] != 0).sum()),
            "mean by severity": records_metadata(
                [{"severity_jnd": jnd, "mean": dose} for jnd, dose in by_severity.items()]
            ),
        },
    )


def judge_recording_snr(
    recipe: FactoredRecipe, workspace: Workspace, partitions: Collection[TierYear]
) -> dg.AssetCheckResult:
    """Judge whether each row's noise is as far below its sound as its recording asks."""
    table = workspace.table(recipe.name, "pairs")
    rows = read_partitions(table, partitions, ["recording_quality", "realised_snr_db"]).to_pandas()
    return judge_noise(
        rows["recording_quality"].map(lambda quality: quality["snr_db"]),
        rows["realised_snr_db"],
        recipe,
        workspace,
        partitions,
        dg.AssetCheckSeverity.WARN,
    )
