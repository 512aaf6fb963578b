"""What the recipe asked for against what the rows measure: jitter, wrong notes, SNR, alignment."""

import math
from collections import defaultdict
from typing import Any

import dagster as dg
import numpy as np

from pipelines.metadata import records_metadata
from pipelines.resources import Project
from pipelines.settings import find_recipe
from storage.remeasure import remeasured_snr_db, row_onset_lag_s
from storage.tables import Table, part_rows, read_part, read_table

JITTER_TOLERANCE = 0.05
SNR_TOLERANCE_DB = 0.1
LAG_TOLERANCE_S = 0.05
"""A piano tone needs 10-30 ms to show in the spectral flux; the attacks of other music, or of
the same music shifted, fit nowhere near."""

REMEASURED_ROWS = 6
"""Rows a tier that are decoded and measured again; all rows' own figures are checked besides."""


def jitter_tolerance(notes: int) -> float:
    """Return by what share a measured spread may differ from the one asked for.

    5 %, or four standard errors of a standard deviation, 1/√(2n), where notes are few.
    """
    return max(JITTER_TOLERANCE, 4 / math.sqrt(2 * max(notes, 1)))


def damage_checks(recipe_name: str) -> list[dg.AssetChecksDefinition]:
    """Return a recipe's checks of what was done to its rows."""

    @dg.asset_check(asset=[recipe_name, "pairs"], name="realised_jitter")
    def realised_jitter(project: Project) -> dg.AssetCheckResult:
        """The spread of the onsets' shifts is what the recipe asks for, within 5 % in each tier."""
        table = project.workspace.table(recipe_name, "pairs")
        rows = read_table(table).to_table(
            columns=["tier", "jitter_ms", "note_count", "missed_note_share", "strengths"]
        )
        found = jitter_by_tier(rows.to_pylist())
        return dg.AssetCheckResult(
            passed=all(
                abs(row["measured_ms"] / row["asked_ms"] - 1) <= jitter_tolerance(row["notes"])
                for row in found
                if row["asked_ms"]
            ),
            metadata={"jitter": records_metadata(found)},
        )

    @dg.asset_check(asset=[recipe_name, "pairs"], name="realised_snr")
    def realised_snr(project: Project) -> dg.AssetCheckResult:
        """The noise is as far below the sound as the recipe asks, within 0.1 dB.

        Every row's own figure is checked; of a few rows a tier the stored FLAC is decoded and
        measured against the same sound replayed without noise.
        """
        workspace, recipe = project.workspace, find_recipe(recipe_name)
        table = workspace.table(recipe_name, "pairs")
        asked_db = {
            tier: next(
                (op.strength[0] for op in damage.sound_operations if op.operation == "noise"), None
            )
            for tier, damage in recipe.tiers.items()
        }
        rows = read_table(table).to_table(columns=["tier", "realised_snr_db"]).to_pylist()
        off = [
            abs(row["realised_snr_db"] - asked)
            for row in rows
            if (asked := asked_db[row["tier"]]) is not None and row["realised_snr_db"] is not None
        ]
        silent = sum(
            row["realised_snr_db"] is None and asked_db[row["tier"]] is not None for row in rows
        )
        again = [
            {"tier": row["tier"], "asked": row["realised_snr_db"], "measured": measured}
            for row in some_rows(table)
            if (measured := remeasured_snr_db(row, workspace.settings.corpus_root)) is not None
        ]
        off_again = [abs(row["asked"] - row["measured"]) for row in again]
        return dg.AssetCheckResult(
            passed=max([*off, *off_again], default=0.0) <= SNR_TOLERANCE_DB and not silent,
            metadata={
                "rows with noise": len(off),
                "rows that lost their noise": silent,
                "largest deviation in dB": max(off, default=0.0),
                "largest deviation of decoded rows in dB": max(off_again, default=0.0),
                "decoded": records_metadata(again),
            },
        )

    @dg.asset_check(asset=[recipe_name, "pairs"], name="audio_follows_midi", blocking=True)
    def audio_follows_midi(project: Project) -> dg.AssetCheckResult:
        """The attacks in the audio come with the onsets of its notes, in every tier.

        Of a few rows a tier, the median distance of the best-fitting lag from 0 is within 50 ms.
        """
        table = project.workspace.table(recipe_name, "pairs")
        lags = [
            {"tier": row["tier"], "sample": row["sample_id"], "lag_ms": 1000 * row_onset_lag_s(row)}
            for row in some_rows(table)
        ]
        medians_ms = {
            tier: float(np.median([abs(row["lag_ms"]) for row in lags if row["tier"] == tier]))
            for tier in dict.fromkeys(row["tier"] for row in lags)
        }
        return dg.AssetCheckResult(
            passed=max(medians_ms.values(), default=0.0) <= 1000 * LAG_TOLERANCE_S,
            metadata={
                **{f"median lag of {tier} in ms": lag for tier, lag in medians_ms.items()},
                "lags": records_metadata(lags),
            },
        )

    return [realised_jitter, realised_snr, audio_follows_midi]


def jitter_by_tier(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the jitter asked for and measured in each tier, pooled over all its notes, in ms."""
    squares: dict[str, float] = defaultdict(float)
    notes: dict[str, float] = defaultdict(float)
    asked: dict[str, float] = {}
    for row in rows:
        if row["jitter_ms"] is None:  # no note was kept
            continue
        tier, kept = row["tier"], row["note_count"] * (1 - row["missed_note_share"])
        asked[tier] = next(
            (s["strength"] for s in row["strengths"] if s["operation"] == "onset_jitter"), 0.0
        )
        squares[tier] += kept * row["jitter_ms"] ** 2
        notes[tier] += kept
    return [
        {
            "tier": tier,
            "asked_ms": asked[tier],
            "measured_ms": float(np.sqrt(squares[tier] / notes[tier])),
            "notes": round(notes[tier]),
        }
        for tier in asked
    ]


def some_rows(table: Table) -> list[dict[str, Any]]:
    """Return the first rows of each tier, whole; only their row groups are read."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in part_rows(table):
        tier = path.split("/")[0].removeprefix("tier=")
        if len(found[tier]) < REMEASURED_ROWS:
            group = next(iter(read_part(table, path)), None)
            if group is not None:
                found[tier] += group.slice(0, REMEASURED_ROWS - len(found[tier])).to_pylist()
    return [row for rows in found.values() for row in rows]
