"""Checks of sound: noise at the level asked for, and audio that follows its notes."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa

from degradation.factored import FactoredRecipe
from degradation.recipe import Recipe
from degradation.tiered import TieredRecipe
from pipelines.checks.checked_pairs import CheckedPairs
from pipelines.checks.expected_damage import can_measure_snr, expected_snr_db
from pipelines.checks.note_damage import NOT_JUDGED
from pipelines.evenly_spaced import spread_out
from pipelines.metadata import records_metadata
from storage.tables import data_file_rows, read_data_file
from storage.verify import measured_snr_db, row_onset_lag_s

SNR_TOLERANCE_DB = 0.1

LAG_TOLERANCE_S = 0.05
"""A piano tone takes 10-30 ms to show in the spectral flux; the attacks of other music, or of
the same music shifted, are much further off."""

MISALIGNED_SHARE = 1 / 3
"""Music that repeats itself may fit best at a wrong lag (8 % of MAPS's windows do); other music
mostly does."""

REMEASURED_ROWS = 12
"""Rows of each tier whose audio is decoded and measured again."""


def judge_snr(pairs: CheckedPairs[TieredRecipe]) -> dg.AssetCheckResult:
    """Judge whether the noise of each tier is as far below the sound as asked, within 0.1 dB.

    A tier with an operation after the noise, which changes both, is not judged.
    """
    asked_db = {
        tier: expected_snr_db(damage)
        for tier, damage in pairs.recipe.tiers.items()
        if can_measure_snr(damage)
    }
    judged = pairs.within([one for one in pairs.partitions if one.tier in asked_db])
    left_out = sorted({one.tier for one in pairs.partitions} - set(asked_db))
    if not judged.partitions:
        return dg.AssetCheckResult(passed=True, metadata={NOT_JUDGED: ", ".join(left_out)})
    rows = judged.read("tier", "realised_snr_db")
    asked = rows["tier"].map(asked_db)
    return _judge_noise(judged, rows, asked, dg.AssetCheckSeverity.ERROR, left_out)


def judge_recording_snr(pairs: CheckedPairs[FactoredRecipe]) -> dg.AssetCheckResult:
    """Judge whether each row's noise is as far below its sound as was drawn for its recording."""
    rows = pairs.read("tier", "recording_quality", "realised_snr_db")
    asked = rows["recording_quality"].map(lambda quality: quality["snr_db"])
    return _judge_noise(pairs, rows, asked, dg.AssetCheckSeverity.WARN, [])


def _judge_noise(
    pairs: CheckedPairs[Recipe],
    rows: pd.DataFrame,
    asked_db: "pd.Series[Any]",
    severity: dg.AssetCheckSeverity,
    left_out: Collection[str],
) -> dg.AssetCheckResult:
    """Judge the SNR of rows, null without noise, by what was asked of each.

    The stored figure of every row is compared. A few rows of each tier are decoded, and measured
    against the same sound replayed without noise.
    """
    asked_db, realised_db = asked_db.astype(float), rows["realised_snr_db"].astype(float)
    off = (realised_db - asked_db).abs()
    lost = asked_db.notna() & realised_db.isna()
    decoded = [
        {"tier": row["tier"], "asked": row["realised_snr_db"], "measured": measured}
        for row in some_rows(pairs)
        if (measured := measured_snr_db(row, pairs.workspace.root)) is not None
    ]
    off_decoded = [abs(row["asked"] - row["measured"]) for row in decoded]
    wrong: dict[str, Iterable[str]] = {
        "rows lost their noise": rows["tier"][lost],
        "rows have another noise than asked": rows["tier"][off > SNR_TOLERANCE_DB],
        "decoded rows measure another noise than they say": [
            row["tier"]
            for row, db in zip(decoded, off_decoded, strict=True)
            if db > SNR_TOLERANCE_DB
        ],
    }
    faults = [
        (tier, f"{count} {what}; expected 0 beyond {SNR_TOLERANCE_DB} dB")
        for what, tiers in wrong.items()
        for tier, count in Counter(tiers).items()
    ]
    return dg.AssetCheckResult(
        passed=not faults,
        severity=severity,
        description=pairs.why(faults),
        metadata={
            "rows with noise": int(asked_db.notna().sum()),
            "rows that lost their noise": int(lost.sum()),
            "largest deviation in dB": float(max(off.dropna(), default=0.0)),
            "largest deviation of decoded rows in dB": max(off_decoded, default=0.0),
            "decoded": records_metadata(decoded),
            NOT_JUDGED: ", ".join(left_out) or "none",
        },
    )


def judge_alignment(pairs: CheckedPairs[Recipe]) -> dg.AssetCheckResult:
    """Judge whether attacks in the audio coincide with the onsets of its notes, in every tier.

    Of some rows of each tier, at most a third may fit best at a lag beyond 50 ms.
    """
    lags = [
        {"tier": row["tier"], "sample": row["sample_id"], "lag_ms": 1000 * row_onset_lag_s(row)}
        for row in some_rows(pairs)
    ]
    off: dict[str, list[bool]] = defaultdict(list)
    for row in lags:
        off[row["tier"]].append(abs(row["lag_ms"]) > 1000 * LAG_TOLERANCE_S)
    faults = [
        (tier, f"{sum(b)} of {len(b)} rows lag beyond 50 ms; expected at most a third")
        for tier, b in off.items()
        if np.mean(b) > MISALIGNED_SHARE
    ]
    return dg.AssetCheckResult(
        passed=not faults,
        description=pairs.why(faults),
        metadata={
            **{f"share of {tier} beyond 50 ms": float(np.mean(b)) for tier, b in off.items()},
            "lags": records_metadata(lags),
        },
    )


def some_rows(pairs: CheckedPairs[Recipe]) -> list[dict[str, Any]]:
    """Return about `REMEASURED_ROWS` whole rows of each tier, evenly from all its parts.

    Neighbouring rows are of one piece, whose rhythm may fit at a wrong lag.
    """
    paths: dict[str, list[str]] = defaultdict(list)
    for partition in sorted(pairs.partitions):
        parts = data_file_rows(pairs.table, None, **partition.columns)
        paths[partition.tier] += [path for path, rows in parts.items() if rows]
    found: list[dict[str, Any]] = []
    for of_tier in paths.values():
        chosen = [of_tier[index] for index in spread_out(len(of_tier), REMEASURED_ROWS)]
        for path in chosen:
            wanted = -(-REMEASURED_ROWS // len(chosen))
            groups = read_data_file(pairs.table, path)
            # Where there are many parts, one row of each is enough, and one row group to read.
            rows = next(iter(groups)) if wanted == 1 else pa.concat_tables(groups)
            found += rows.take(spread_out(len(rows), wanted)).to_pylist()
    return found
