"""The contracts of a recipe's pairs: each a rule over a run's rows, made an asset check."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeVar

import dagster as dg

from degradation.factored import FactoredRecipe
from degradation.recipe import Recipe
from degradation.tiered import TieredRecipe
from pipelines.checks.counts import judge_populated_tiers, judge_rows, judge_tier_shares
from pipelines.checks.damage import judge_alignment, judge_jitter, judge_snr, judge_wrong_notes
from pipelines.checks.factored import (
    judge_jitter_dose,
    judge_labels,
    judge_recording_snr,
    judge_slip_dose,
)
from pipelines.checks.scores import judge_scores
from pipelines.partitions import TierYear, partitions_in_run
from pipelines.resources import Project
from pipelines.settings import find_recipe
from pipelines.workspace import Workspace

RecipeT = TypeVar("RecipeT")

Judge = Callable[[RecipeT, Workspace, Collection[TierYear]], dg.AssetCheckResult]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What must hold of a recipe's pairs; a blocking one stops what is downstream when it fails.

    Each kind of recipe keeps it in its own way.
    """

    name: str
    description: str
    tiered: Judge[TieredRecipe]
    factored: Judge[FactoredRecipe]
    blocking: bool

    def judge(
        self, recipe: Recipe, workspace: Workspace, partitions: Collection[TierYear]
    ) -> dg.AssetCheckResult:
        """Judge the rows of some partitions."""
        if isinstance(recipe, FactoredRecipe):
            return self.factored(recipe, workspace, partitions)
        return self.tiered(recipe, workspace, partitions)


CONTRACTS = (
    Contract(
        name="rows_match_segments",
        description="Each draw of each segment is a row or in quarantine, once.",
        tiered=judge_rows,
        factored=judge_rows,
        blocking=True,
    ),
    Contract(
        name="scores_in_range",
        description=(
            "Every score lies in the range of its row's tier; in a factored recipe, scores and "
            "tier are what the row's severities give."
        ),
        tiered=judge_scores,
        factored=judge_labels,
        blocking=True,
    ),
    Contract(
        name="audio_follows_midi",
        description="The attacks in the audio come with the onsets of its notes, in every tier.",
        tiered=judge_alignment,
        factored=judge_alignment,
        blocking=True,
    ),
    Contract(
        name="tier_shares",
        description=(
            "Tiers come as often as the recipe says: within 4 standard deviations, or, in a "
            "factored recipe, within a factor of two."
        ),
        tiered=judge_tier_shares,
        factored=judge_populated_tiers,
        blocking=False,
    ),
    Contract(
        name="realised_jitter",
        description=(
            "The onsets' shifts spread as the recipe asks, within 5 % in each tier where nothing "
            "but onset_jitter moves them; in a factored recipe's families they grow with the "
            "severity of the rhythm alone."
        ),
        tiered=judge_jitter,
        factored=judge_jitter_dose,
        blocking=False,
    ),
    Contract(
        name="realised_wrong_notes",
        description=(
            "As many notes are wrong as the recipe asks, within 4 standard deviations in each tier "
            "without slips; in a factored recipe's families slips grow with the severity of the "
            "notes' fault."
        ),
        tiered=judge_wrong_notes,
        factored=judge_slip_dose,
        blocking=False,
    ),
    Contract(
        name="realised_snr",
        description=(
            "The noise is as far below the sound as was asked, within 0.1 dB, where nothing comes "
            "after it."
        ),
        tiered=judge_snr,
        factored=judge_recording_snr,
        blocking=False,
    ),
)


def contract_check(recipe_name: str, contract: Contract) -> dg.AssetChecksDefinition:
    """Return the asset check of one contract of one recipe's pairs.

    It judges the partitions of its run, not what an earlier recipe left in others.
    """

    @dg.asset_check(
        asset=[recipe_name, "pairs"],
        name=contract.name,
        description=contract.description,
        blocking=contract.blocking,
    )
    def check(context: dg.AssetCheckExecutionContext, project: Project) -> dg.AssetCheckResult:
        partitions = partitions_in_run(context.run.tags, project.settings.years())
        return contract.judge(find_recipe(recipe_name), project.workspace, sorted(partitions))

    return check
