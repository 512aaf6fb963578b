"""What the audits of labels and shortcuts found, as the report's gates and ceilings have it."""

from collections.abc import Mapping
from typing import Any

from models.evaluation.criteria.acceptance import Gate

PASSED = {"holds": True, "fails": False, "undecided": None}
NAMES = {
    "effective rank": "eight labels say several things",
    "largest correlation": "no two labels are one",
}
SHORTCUT = "the recording does not give the tier away"


def audit_gates(
    label_gates: Mapping[str, Any] | None, shortcut_audit: Mapping[str, Any] | None
) -> list[Gate]:
    """Return the audits' gates; nothing of an audit that was not made.

    The mappings are the content of `label_gates.json` and `shortcut_audit.json`.
    """
    gates = [
        _gate(found, NAMES.get(found["name"], found["name"]))
        for found in (label_gates["gate_list"] if label_gates else ())
    ]
    if shortcut_audit:
        gates.append(_gate(shortcut_audit["gate"], SHORTCUT))
    return gates


def _gate(found: Mapping[str, Any], name: str) -> Gate:
    passed = PASSED[found["verdict"]]
    return Gate(
        name=name,
        asks=f"{found['name']} {found['bound']} {found['limit']:g}, its whole interval",
        found=found["reason"],
        passed=passed,
    )


def observable_r(label_gates: Mapping[str, Any] | None) -> dict[str, float | None]:
    """Return by dimension what r an oracle of the measured damage reaches; empty without."""
    found = label_gates["observable"] if label_gates else []
    return {one["dimension"]: one["r"] for one in found}


def mean_observable_r(label_gates: Mapping[str, Any] | None) -> float | None:
    """Return the mean over the dimensions whose label varies; None without any."""
    known = [r for r in observable_r(label_gates).values() if r is not None]
    return sum(known) / len(known) if known else None
