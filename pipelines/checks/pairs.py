"""The checks of a recipe's pairs: one table of them, and the asset check that runs one.

To add a check, write a function from `CheckedPairs` to a result and list it here.
"""

from collections.abc import Callable
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsCheck:
    """A rule for pairs, by kind of recipe; one that blocks stops what is downstream."""

    name: str
    description: str
    tiered: Callable[[CheckedPairs[TieredRecipe]], dg.AssetCheckResult]
    factored: Callable[[CheckedPairs[FactoredRecipe]], dg.AssetCheckResult]
    blocking: bool = False


PAIRS_CHECKS = (
    PairsCheck(
        name="rows_match_segments",
        description="Each draw of each segment is a row or in quarantine, once.",
        tiered=judge_rows,
        factored=judge_rows,
        blocking=True,
    ),
    PairsCheck(
        name="scores_in_range",
        description=(
            "Every score lies in the range of its row's tier; in a factored recipe, scores and "
            "tier follow from the row's severities."
        ),
        tiered=judge_scores,
        factored=judge_labels,
        blocking=True,
    ),
    PairsCheck(
        name="audio_follows_midi",
        description="Attacks in the audio coincide with the onsets of its notes, in every tier.",
        tiered=judge_alignment,
        factored=judge_alignment,
        blocking=True,
    ),
    PairsCheck(
        name="tier_shares",
        description=(
            "Tiers come as often as the recipe says: within 4 standard deviations, or, in a "
            "factored recipe, within a factor of two."
        ),
        tiered=judge_tier_shares,
        factored=judge_populated_tiers,
    ),
    PairsCheck(
        name="realised_jitter",
        description=(
            "Onset shifts spread as the recipe asks, within 5 % in each tier where only "
            "onset_jitter moves onsets; in a factored recipe's families they grow with the "
            "severity of the rhythm alone."
        ),
        tiered=judge_jitter,
        factored=judge_jitter_dose,
    ),
    PairsCheck(
        name="realised_wrong_notes",
        description=(
            "As many notes are wrong as the recipe asks, within 4 standard deviations in each tier "
            "without slips; in a factored recipe's families slips grow with the severity of note "
            "accuracy."
        ),
        tiered=judge_wrong_notes,
        factored=judge_slip_dose,
    ),
    PairsCheck(
        name="realised_snr",
        description=(
            "The noise is as far below the sound as the recipe asks, within 0.1 dB, where no "
            "operation follows it."
        ),
        tiered=judge_snr,
        factored=judge_recording_snr,
    ),
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
