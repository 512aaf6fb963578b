"""Checks of the damage done to notes: jitter and wrong notes, as asked and as measured."""

import math
from collections.abc import Callable
from typing import Any

import dagster as dg

from degradation.draws import NOTHING, NUISANCE
from degradation.factored import Factor, FactoredRecipe
from degradation.notes import TICK_S
from degradation.tiered import TieredRecipe
from pipelines.checks.checked_pairs import CheckedPairs
from pipelines.checks.counts import TOLERATED_Z, share_z
from pipelines.checks.expected_damage import expected_jitter_ms, expected_wrong_share
from pipelines.metadata import records_metadata

JITTER_TOLERANCE = 0.05

NOT_JUDGED = "not judged"
"""Shown of a tier whose damage cannot be predicted."""


def jitter_tolerance(notes: int) -> float:
    """Return the relative error allowed in a measured spread of onsets.

    5 %, or four standard errors of a standard deviation, 4/√(2n), where notes are few.
    """
    return max(JITTER_TOLERANCE, 4 / math.sqrt(2 * max(notes, 1)))


def judge_jitter(pairs: CheckedPairs[TieredRecipe]) -> dg.AssetCheckResult:
    """Judge whether onset shifts spread as the recipe asks, within 5 %, over the notes of a tier.

    Shifts are drawn around 0, so their root mean square is their standard deviation. A tier
    without jitter may measure one tick: where two notes meet on one key.
    """
    rows = pairs.read("tier", "note_count", "missed_note_share", "jitter_ms")
    rows = rows.dropna(subset="jitter_ms")  # null where no note was kept
    rows["notes"] = rows["note_count"] * (1 - rows["missed_note_share"])
    rows["squares"] = rows["notes"] * rows["jitter_ms"] ** 2
    found = []
    for tier, pooled in rows.groupby("tier")[["notes", "squares"]].sum().iterrows():
        asked_ms = expected_jitter_ms(pairs.recipe.tiers[str(tier)])
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
    return _result(
        pairs,
        "jitter",
        found,
        lambda row: f"onsets spread by {row['measured_ms']:.1f} ms; expected {row['asked_ms']:.1f}",
    )


def judge_wrong_notes(pairs: CheckedPairs[TieredRecipe]) -> dg.AssetCheckResult:
    """Judge whether as many notes are wrong as the recipe asks, within 4 standard deviations."""
    rows = pairs.read("tier", "note_count", "wrong_note_share").dropna(subset="wrong_note_share")
    rows["wrong"] = (rows["wrong_note_share"] * rows["note_count"]).round()
    found = []
    for tier, pooled in rows.groupby("tier")[["note_count", "wrong"]].sum().iterrows():
        share = expected_wrong_share(pairs.recipe.tiers[str(tier)])
        notes, wrong = int(pooled["note_count"]), int(pooled["wrong"])
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
    return _result(
        pairs,
        "wrong notes",
        found,
        lambda row: f"{row['measured']:.2%} of the notes are wrong; expected {row['asked']:.2%}",
    )


def _result(
    pairs: CheckedPairs[TieredRecipe],
    name: str,
    tiers: list[dict[str, Any]],
    fault: Callable[[dict[str, Any]], str],
) -> dg.AssetCheckResult:
    off = [row for row in tiers if not row["holds"]]
    return dg.AssetCheckResult(
        passed=not off,
        description=pairs.why((row["tier"], fault(row)) for row in off),
        metadata={name: records_metadata(tiers)},
    )


def judge_jitter_dose(pairs: CheckedPairs[FactoredRecipe]) -> dg.AssetCheckResult:
    """Judge whether onset shifts grow with the severity of the rhythm, and are 0 without it."""
    return _judge_dose(pairs, "rhythmic_stability", ("jitter_ms",))


def judge_slip_dose(pairs: CheckedPairs[FactoredRecipe]) -> dg.AssetCheckResult:
    """Judge whether slips grow with the severity of note accuracy, and are 0 without it."""
    shares = ("wrong_note_share", "missed_note_share", "extra_note_share")
    return _judge_dose(pairs, "note_accuracy", shares)


def _judge_dose(
    pairs: CheckedPairs[FactoredRecipe], factor: Factor, measures: tuple[str, ...]
) -> dg.AssetCheckResult:
    rows = pairs.read("varied", "varied_severity_jnd", *measures)
    rows["dose"] = rows[list(measures)].sum(axis=1)
    clean = rows[rows["varied"].isin([NOTHING, NUISANCE])]
    by_severity = rows[rows["varied"] == factor].groupby("varied_severity_jnd")["dose"].mean()
    damaged, faults = int((clean["dose"] != 0).sum()), []
    if damaged:
        faults.append(("", f"{damaged} of {len(clean)} undamaged rows measure damage; expected 0"))
    if not by_severity.is_monotonic_increasing:
        means = ", ".join(f"{dose:.3g} at {jnd:g} JND" for jnd, dose in by_severity.items())
        faults.append(("", f"damage does not grow with the severity of {factor}: {means}"))
    return dg.AssetCheckResult(
        passed=not faults,
        severity=dg.AssetCheckSeverity.WARN,
        description=pairs.why(faults),
        metadata={
            "undamaged rows": len(clean),
            "undamaged rows that measure damage": damaged,
            "mean by severity": records_metadata(
                [{"severity_jnd": jnd, "mean": dose} for jnd, dose in by_severity.items()]
            ),
        },
    )
