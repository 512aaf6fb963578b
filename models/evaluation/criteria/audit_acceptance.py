"""What the audits of labels and shortcuts found, as the report's gates and ceilings have it."""

import numpy as np

from models.evaluation.audits.documents import LabelStructure, ShortcutAudit
from models.evaluation.audits.thresholds import ThresholdVerdict, describe
from models.evaluation.criteria.acceptance import Gate
from models.metrics import mean_over_dimensions

PASSED = {"holds": True, "fails": False, "undecided": None}
NAMES = ("eight labels say several things", "no two labels are one")
SHORTCUT = "the recording does not give the tier away"


def audit_gates(labels: LabelStructure | None, shortcuts: ShortcutAudit | None) -> list[Gate]:
    """Return the audits' gates; nothing of an audit that was not made."""
    gates = []
    if labels:
        gates = [_gate(one, name) for one, name in zip(labels.shape.thresholds, NAMES, strict=True)]
    if shortcuts:
        gates.append(_gate(shortcuts.threshold, SHORTCUT))
    return gates


def _gate(found: ThresholdVerdict, name: str) -> Gate:
    threshold = found.threshold
    return Gate(
        name=name,
        asks=f"{threshold.name} {threshold.bound} {threshold.number:g}, its whole interval",
        found=describe(found),
        passed=PASSED[found.verdict],
    )


def mean_observable_r(labels: LabelStructure | None) -> float | None:
    """Return the mean over the dimensions whose label varies; None without any."""
    found = labels.observable if labels else ()
    mean = mean_over_dimensions(np.array([one.r for one in found], np.float64))
    return None if np.isnan(mean) else mean
