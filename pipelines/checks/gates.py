"""Gates as asset checks: no model is trained on labels or sounds that give the answer away.

A gate that fails is an ERROR, and stops training, where the recipe says `gates: block`; where it
says `gates: warn` it is shown and training goes on. A gate that too small a corpus leaves
undecided is never passed in silence: it is a warning in either case.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from degradation.recipe import Recipe
from pipelines.assets.label_gates import read_label_gates
from pipelines.assets.shortcut_audit import read_shortcut_audit
from pipelines.metadata import records_metadata
from pipelines.resources import Project
from pipelines.settings import find_recipe
from pipelines.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCheck:
    """The gates of one audit: what the check is called, and how its gates are read."""

    name: str
    asset: str
    description: str
    read: Callable[[Workspace, str], Sequence[dict[str, Any]]]


GATE_CHECKS = (
    GateCheck(
        name="no_shortcut",
        asset="shortcut_audit",
        description=(
            "Trivial statistics of the recording tell the tier no better than chance, or than "
            "the playing itself does, + .05."
        ),
        read=lambda workspace, recipe: [read_shortcut_audit(workspace, recipe)["gate"]],
    ),
    GateCheck(
        name="labels_are_eight",
        asset="label_gates",
        description=(
            "The eight scores have an effective rank of 4 or more, and no two of them correlate "
            "by more than .6."
        ),
        read=lambda workspace, recipe: read_label_gates(workspace, recipe)["gate_list"],
    ),
)


def gate_check(recipe_name: str, check: GateCheck) -> dg.AssetChecksDefinition:
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
        return judge_gates(find_recipe(recipe_name), check.read(project.workspace, recipe_name))

    return judged


def judge_gates(recipe: Recipe, gates: Sequence[dict[str, Any]]) -> dg.AssetCheckResult:
    """Judge gates, as the audits' JSON has them, the way the recipe asks for."""
    verdicts = {gate["verdict"] for gate in gates}
    stops = "fails" in verdicts and recipe.gates == "block"
    said = "; ".join(gate["reason"] for gate in gates if gate["verdict"] != "holds")
    return dg.AssetCheckResult(
        passed=verdicts == {"holds"},
        severity=dg.AssetCheckSeverity.ERROR if stops else dg.AssetCheckSeverity.WARN,
        description=said or "every gate holds",
        metadata={
            "recipe says": recipe.gates,
            "gates": records_metadata(
                [{**gate, "interval": shown_interval(gate["interval"])} for gate in gates]
            ),
        },
    )


def shown_interval(interval: Sequence[float | None]) -> str:
    """Return an interval as a table shows it."""
    low, high = interval
    return "none" if low is None or high is None else f"{low:.3f} to {high:.3f}"
