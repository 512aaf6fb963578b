"""Audits as asset checks: no model is trained on labels or sounds that give the answer away.

A threshold that fails is an ERROR, and stops training, where the recipe says `audits: block`;
where it says `audits: warn` it is shown and training goes on. A threshold that a small corpus
leaves undecided is a warning in either case, never a pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from degradation.recipe import Recipe
from models.evaluation.audits.documents import LabelStructure, ShortcutAudit
from models.evaluation.audits.thresholds import ThresholdVerdict, describe
from pipelines.documents import read_made
from pipelines.metadata import records_metadata
from pipelines.resources import Project
from pipelines.settings import find_recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCheck:
    """The check of one audit's thresholds."""

    name: str
    asset: str
    description: str


AUDIT_CHECKS = (
    AuditCheck(
        name="no_shortcut",
        asset="shortcut_audit",
        description=(
            "Simple statistics of the recording predict the tier no better than chance, or than "
            "the playing itself does, + .05."
        ),
    ),
    AuditCheck(
        name="labels_are_eight",
        asset="label_structure",
        description=(
            "The eight scores have an effective rank of 4 or more, and no two of them correlate "
            "by more than .6."
        ),
    ),
)


def audit_check(recipe_name: str, check: AuditCheck) -> dg.AssetChecksDefinition:
    """Return the asset check of one audit of one recipe."""

    # Blocking whatever the recipe says: Dagster stops at errors alone, and severity follows the
    # recipe as it is when the check runs.
    @dg.asset_check(
        asset=[recipe_name, check.asset],
        name=check.name,
        description=check.description,
        blocking=True,
    )
    def judged(project: Project) -> dg.AssetCheckResult:
        made = (project.workspace, recipe_name, check.asset)
        if check.asset == "shortcut_audit":
            thresholds: Sequence[ThresholdVerdict] = [read_made(*made, ShortcutAudit).threshold]
        else:
            thresholds = read_made(*made, LabelStructure).shape.thresholds
        return judge_audit(find_recipe(recipe_name), thresholds)

    return judged


def judge_audit(recipe: Recipe, thresholds: Sequence[ThresholdVerdict]) -> dg.AssetCheckResult:
    """Return the check's result as the recipe asks for it."""
    verdicts = {found.verdict for found in thresholds}
    stops = "fails" in verdicts and recipe.audits == "block"
    broken = [describe(found) for found in thresholds if found.verdict != "holds"]
    return dg.AssetCheckResult(
        passed=verdicts == {"holds"},
        severity=dg.AssetCheckSeverity.ERROR if stops else dg.AssetCheckSeverity.WARN,
        description="; ".join(broken) or "every threshold holds",
        metadata={
            "recipe says": recipe.audits,
            "thresholds": records_metadata(
                [{"found": describe(found), "verdict": found.verdict} for found in thresholds]
            ),
        },
    )
