"""The checks of a recipe's pairs: one table of them, and the asset check that runs one.

To add a check, write a function from `CheckedPairs` to a result and list it here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import getdoc

import dagster as dg

from degradation.factored import FactoredRecipe
from degradation.tiered import TieredRecipe
from pipelines.checks.checked_pairs import CheckedPairs
from pipelines.checks.counts import judge_populated_tiers, judge_rows, judge_tier_shares
from pipelines.checks.note_damage import (
    judge_jitter,
    judge_jitter_dose,
    judge_slip_dose,
    judge_wrong_notes,
)
from pipelines.checks.scores import judge_labels, judge_scores
from pipelines.checks.sound import judge_alignment, judge_recording_snr, judge_snr
from pipelines.partitions import partitions_in_run
from pipelines.resources import Project
from pipelines.settings import find_recipe


@dataclass(frozen=True, slots=True)
class PairsCheck:
    """A rule for pairs, by kind of recipe; one that blocks stops what is downstream."""

    name: str
    tiered: Callable[[CheckedPairs[TieredRecipe]], dg.AssetCheckResult]
    factored: Callable[[CheckedPairs[FactoredRecipe]], dg.AssetCheckResult]
    blocking: bool = False

    @property
    def description(self) -> str:
        """What the UI shows: the docstrings of the functions."""
        texts = dict.fromkeys([f"{getdoc(self.tiered)}", f"{getdoc(self.factored)}"])
        return "\n\nIn a factored recipe: ".join(texts)


PAIRS_CHECKS = (
    PairsCheck("rows_match_segments", judge_rows, judge_rows, blocking=True),
    PairsCheck("scores_in_range", judge_scores, judge_labels, blocking=True),
    PairsCheck("audio_follows_midi", judge_alignment, judge_alignment, blocking=True),
    PairsCheck("tier_shares", judge_tier_shares, judge_populated_tiers),
    PairsCheck("realised_jitter", judge_jitter, judge_jitter_dose),
    PairsCheck("realised_wrong_notes", judge_wrong_notes, judge_slip_dose),
    PairsCheck("realised_snr", judge_snr, judge_recording_snr),
)


def pairs_check(recipe_name: str, check: PairsCheck) -> dg.AssetChecksDefinition:
    """Return the asset check of one rule for one recipe's pairs.

    It judges the partitions of its run, not what an earlier recipe left in others.
    """

    @dg.asset_check(
        asset=[recipe_name, "pairs"],
        name=check.name,
        description=check.description,
        blocking=check.blocking,
    )
    def judge(context: dg.AssetCheckExecutionContext, project: Project) -> dg.AssetCheckResult:
        recipe, workspace = find_recipe(recipe_name), project.workspace
        partitions = sorted(partitions_in_run(context.run.tags, project.settings.years()))
        if isinstance(recipe, FactoredRecipe):
            return check.factored(CheckedPairs(recipe, workspace, partitions))
        return check.tiered(CheckedPairs(recipe, workspace, partitions))

    return judge
