"""What the recipe asked for against what the rows measure: jitter, wrong notes, SNR, alignment."""

import math
from collections import defaultdict
from collections.abc import Collection
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa

from degradation.notes import TICK_S
from degradation.recipe import Recipe
from degradation.tiered import TieredRecipe
from pipelines.checks.counts import TOLERATED_Z, share_z
from pipelines.checks.expected import (
    can_measure_snr,
    expected_jitter_ms,
    expected_snr_db,
    expected_wrong_share,
)
from pipelines.checks.rows import read_partitions
from pipelines.metadata import records_metadata
from pipelines.partitions import TierYear
from pipelines.workspace import Workspace
from storage.tables import Table, part_rows, read_part
from storage.verify import remeasured_snr_db, row_onset_lag_s

JITTER_TOLERANCE = 0.05
SNR_TOLERANCE_DB = 0.1
LAG_TOLERANCE_S = 0.05
"""A piano tone needs 10-30 ms to show in the spectral flux; the attacks of other music, or of
the same music shifted, fit nowhere near."""

MISALIGNED_SHARE = 1 / 3

REMEASURED_ROWS = 12
"""Rows a tier that are decoded and measured again; all rows' own figures are checked besides."""

NOT_JUDGED = "not judged"
"""What is said of a tier whose damage cannot be foretold."""


def jitter_tolerance(notes: int) -> float:
    """Return by what share a measured spread may differ from the one asked for.

    5 %, or four standard errors of a standard deviation, 1/√(2n), where notes are few.
    """
    return max(JITTER_TOLERANCE, 4 / math.sqrt(2 * max(notes, 1)))


def judge_jitter(
    recipe: TieredRecipe, workspace: Workspace, partitions: Collection[TierYear]
) -> dg.AssetCheckResult:
    """Judge whether the onsets' shifts spread as the recipe asks, pooled over a tier's notes.

    Shifts are drawn around 0, so their root mean square is their standard deviation. A tier
    that asks for none must have none, but for a tick where two notes meet on one key.
    """
    rows = _measured(recipe, workspace, partitions, "jitter_ms")
    kept = rows["note_count"] * (1 - rows["missed_note_share"])
    sums = pd.DataFrame(
        {"tier": rows["tier"], "notes": kept, "squares": kept * rows["jitter_ms"] ** 2}
    )
    found = []
    for tier, pooled in sums.groupby("tier").sum().iterrows():
        asked_ms = expected_jitter_ms(recipe.tiers[str(tier)])
        measured_ms = math.sqrt(pooled["squares"] / pooled["notes"])
        row = {
            "tier": str(tier),
            "asked_ms": NOT_JUDGED,
            "measured_ms": measured_ms,
            "notes": round(pooled["notes"]),
            "holds": NOT_JUDGED,
        }
        if asked_ms is not None:
            allowed_ms = max(asked_ms * jitter_tolerance(pooled["notes"]), 1000 * TICK_S)
            row |= {"asked_ms": asked_ms, "holds": bool(abs(measured_ms - asked_ms) <= allowed_ms)}
        found.append(row)
    return dg.AssetCheckResult(
        passed=_all_hold(found), metadata={"jitter": records_metadata(found)}
    )


def judge_wrong_notes(
    recipe: TieredRecipe, workspace: Workspace, partitions: Collection[TierYear]
) -> dg.AssetCheckResult:
    """Judge whether as many notes are wrong as the recipe asks, by their binomial spread."""
    rows = _measured(recipe, workspace, partitions, "wrong_note_share")
    counts = pd.DataFrame(
        {
            "tier": rows["tier"],
            "notes": rows["note_count"],
            "wrong": (rows["wrong_note_share"] * rows["note_count"]).round(),
        }
    )
    found = []
    for tier, pooled in counts.groupby("tier").sum().iterrows():
        share = expected_wrong_share(recipe.tiers[str(tier)])
        notes, wrong = int(pooled["notes"]), int(pooled["wrong"])
        row = {
            "tier": str(tier),
            "asked": NOT_JUDGED,
            "measured": wrong / notes,
            "z": NOT_JUDGED,
            "holds": NOT_JUDGED,
        }
        if share is not None:
            z = share_z(wrong, notes, share)
            holds = abs(z) <= TOLERATED_Z and (wrong == 0 or share > 0)
            row |= {"asked": share, "z": z, "holds": holds}
        found.append(row)
    return dg.AssetCheckResult(
        passed=_all_hold(found), metadata={"wrong notes": records_metadata(found)}
    )


def judge_snr(
    recipe: TieredRecipe, workspace: Workspace, partitions: Collection[TierYear]
) -> dg.AssetCheckResult:
    """Judge whether the noise is as far below the sound as the recipe asks of each tier.

    What comes after the noise changes both, so that such a tier is not judged.
    """
    asked_db = {
        tier: expected_snr_db(damage)
        for tier, damage in recipe.tiers.items()
        if can_measure_snr(damage)
    }
    judged = [partition for partition in partitions if partition.tier in asked_db]
    left = sorted({partition.tier for partition in partitions} - set(asked_db))
    if not judged:
        return dg.AssetCheckResult(passed=True, metadata={NOT_JUDGED: ", ".join(left)})
    table = workspace.table(recipe.name, "pairs")
    rows = read_partitions(table, judged, ["tier", "realised_snr_db"]).to_pandas()
    return judge_noise(
        rows["tier"].map(asked_db), rows["realised_snr_db"], recipe, workspace, judged, left=left
    )


def judge_noise(
    asked_db: pd.Series,
    realised_db: pd.Series,
    recipe: Recipe,
    workspace: Workspace,
    partitions: Collection[TierYear],
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    left: Collection[str] = (),
) -> dg.AssetCheckResult:
    """Judge the SNR of rows, null where there is no noise, by what was asked of each.

    Every row's own figure is judged; of a few rows a tier the stored FLAC is decoded and
    measured against the same sound replayed without noise. `left` names tiers that are not judged.
    """
    asked_db, realised_db = asked_db.astype(float), realised_db.astype(float)
    off = (realised_db - asked_db).abs().dropna()
    lost = int((asked_db.notna() & realised_db.isna()).sum())
    again = [
        {"tier": row["tier"], "asked": row["realised_snr_db"], "measured": measured}
        for row in some_rows(workspace.table(recipe.name, "pairs"), partitions)
        if (measured := remeasured_snr_db(row, workspace.settings.corpus_root)) is not None
    ]
    off_again = [abs(row["asked"] - row["measured"]) for row in again]
    return dg.AssetCheckResult(
        passed=max([*off, *off_again], default=0.0) <= SNR_TOLERANCE_DB and not lost,
        severity=severity,
        metadata={
            "rows with noise": int(asked_db.notna().sum()),
            "rows that lost their noise": lost,
            "largest deviation in dB": float(max(off, default=0.0)),
            "largest deviation of decoded rows in dB": max(off_again, default=0.0),
            "decoded": records_metadata(again),
            NOT_JUDGED: ", ".join(left) or "none",
        },
    )


def judge_alignment(
    recipe: Recipe, workspace: Workspace, partitions: Collection[TierYear]
) -> dg.AssetCheckResult:
    """Judge whether the attacks in the audio come with the onsets of its notes, in every tier.

    Of some rows a tier, at most a third may fit best at a lag beyond 50 ms: music that repeats
    itself fits itself at a wrong lag now and then (8 % of MAPS's windows), other music mostly.
    """
    lags = [
        {"tier": row["tier"], "sample": row["sample_id"], "lag_ms": 1000 * row_onset_lag_s(row)}
        for row in some_rows(workspace.table(recipe.name, "pairs"), partitions)
    ]
    off = {
        tier: float(
            np.mean([abs(r["lag_ms"]) > 1000 * LAG_TOLERANCE_S for r in lags if r["tier"] == tier])
        )
        for tier in dict.fromkeys(row["tier"] for row in lags)
    }
    return dg.AssetCheckResult(
        passed=max(off.values(), default=0.0) <= MISALIGNED_SHARE,
        metadata={
            **{f"share of {tier} beyond 50 ms": share for tier, share in off.items()},
            "lags": records_metadata(lags),
        },
    )


def some_rows(table: Table, partitions: Collection[TierYear]) -> list[dict[str, Any]]:
    """Return `REMEASURED_ROWS` rows of each tier, whole, evenly from all its parts.

    Neighbouring rows are of one piece, whose rhythm may fit itself at a wrong lag.
    """
    paths: dict[str, list[str]] = defaultdict(list)
    for partition in sorted(partitions):
        parts = part_rows(table, None, **partition.columns)
        paths[partition.tier] += [path for path, rows in parts.items() if rows]
    found: list[dict[str, Any]] = []
    for of_tier in paths.values():
        chosen = [of_tier[at] for at in _evenly(len(of_tier), REMEASURED_ROWS)]
        for path in chosen:
            wanted = -(-REMEASURED_ROWS // len(chosen))
            groups = read_part(table, path)
            # Where there are many parts, one row of each is enough, and one row group to read.
            rows = next(iter(groups)) if wanted == 1 else pa.concat_tables(groups)
            found += rows.take(_evenly(len(rows), wanted)).to_pylist()
    return found


def _evenly(count: int, wanted: int) -> list[int]:
    """Return up to `wanted` different places in a list of `count`, evenly spaced."""
    places = np.linspace(0, count - 1, min(count, wanted)).round()
    return [int(place) for place in np.unique(places)]


def _measured(
    recipe: TieredRecipe, workspace: Workspace, partitions: Collection[TierYear], measure: str
) -> pd.DataFrame:
    columns = ["tier", "note_count", "missed_note_share", measure]
    table = read_partitions(workspace.table(recipe.name, "pairs"), partitions, columns)
    rows: pd.DataFrame = table.to_pandas()
    return rows.dropna(subset=measure)  # null where no note was kept


def _all_hold(rows: list[dict[str, Any]]) -> bool:
    return all(row["holds"] for row in rows if row["holds"] != NOT_JUDGED)
