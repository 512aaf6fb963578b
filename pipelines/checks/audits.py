"""Audits as asset checks: no model is trained on labels or sounds that give the answer away.

A threshold that fails is an ERROR, and stops training, where the recipe says `audits: block`;
where it says `audits: warn` it is shown and training goes on. A threshold that a small corpus
leaves undecided is a warning in either case, never a pass.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import getdoc

import dagster as dg

from degradation.recipe import Recipe
from models.evaluation.audits.documents import LabelStructure, ShortcutAudit
from models.evaluation.audits.thresholds import ThresholdVerdict, describe
from pipelines.documents import read_made
from pipelines.metadata import defined, records_metadata
from pipelines.partitions import CORPORA
from pipelines.resources import Project
from pipelines.settings import find_recipe
from pipelines.workspace import Workspace


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """The check of one audit's thresholds; the docstring of `read` is what the UI shows."""

    name: str
    asset: str
    read: Callable[[Workspace, str], Sequence[ThresholdVerdict]]


def _of_shortcuts(workspace: Workspace, recipe_name: str) -> Sequence[ThresholdVerdict]:
    """Simple statistics of the recording predict the tier no better than the playing, + .05.

    Where the playing itself predicts it worse than chance, chance counts.
    """
    return [read_made(workspace, recipe_name, "shortcut_audit", ShortcutAudit).threshold]


def _of_labels(workspace: Workspace, recipe_name: str) -> Sequence[ThresholdVerdict]:
    """The eight scores have an effective rank of 4 or more, and no two correlate beyond .6."""
    found = read_made(workspace, recipe_name, "label_structure", LabelStructure)
    return found.shape.thresholds


AUDIT_CHECKS = (
    AuditCheck("no_shortcut", "shortcut_audit", _of_shortcuts),
    AuditCheck("labels_are_eight", "label_structure", _of_labels),
)


def audit_check(recipe_name: str, check: AuditCheck) -> dg.AssetChecksDefinition:
    """Return the asset check of one audit of one recipe."""

    # Blocking whatever the recipe says: Dagster stops at errors alone, and severity follows the
    # recipe as it is when the check runs.
    @dg.asset_check(
        asset=[recipe_name, check.asset],
        name=check.name,
        description=getdoc(check.read),
        blocking=True,
        partitions_def=CORPORA,
    )
    def judged(context: dg.AssetCheckExecutionContext, project: Project) -> dg.AssetCheckResult:
        workspace = project.workspace(context.partition_key)
        return judge_audit(find_recipe(recipe_name), check.read(workspace, recipe_name))

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
            **{found.threshold.name: defined(found.value) for found in thresholds},
            "thresholds": records_metadata(
                [{"found": describe(found), "verdict": found.verdict} for found in thresholds]
            ),
        },
    )
