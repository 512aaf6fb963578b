"""The contracts of a recipe's pairs: each a rule over a run's rows, made an asset check."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import dagster as dg

from degradation.recipe import Recipe
from pipelines.checks.counts import judge_rows, judge_tier_shares
from pipelines.checks.damage import judge_alignment, judge_jitter, judge_snr, judge_wrong_notes
from pipelines.checks.scores import judge_scores
from pipelines.partitions import TierYear, partitions_in_run
from pipelines.resources import Project
from pipelines.settings import find_recipe
from pipelines.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What must hold of a recipe's pairs; a blocking one stops what is downstream when it fails."""

    name: str
    description: str
    judge: Callable[[Recipe, Workspace, Collection[TierYear]], dg.AssetCheckResult]
    blocking: bool


CONTRACTS = (
    Contract(
        name="rows_match_segments",
        description="Each draw of each segment is a row or in quarantine, once.",
        judge=judge_rows,
        blocking=True,
    ),
    Contract(
        name="scores_in_range",
        description="Every score lies in the range of its row's tier.",
        judge=judge_scores,
        blocking=True,
    ),
    Contract(
        name="audio_follows_midi",
        description="The attacks in the audio come with the onsets of its notes, in every tier.",
        judge=judge_alignment,
        blocking=True,
    ),
    Contract(
        name="tier_shares",
        description="Tiers come as often as the recipe says, within 4 standard deviations.",
        judge=judge_tier_shares,
        blocking=False,
    ),
    Contract(
        name="realised_jitter",
        description="The onsets' shifts spread as the recipe asks, within 5 % in each tier.",
        judge=judge_jitter,
        blocking=False,
    ),
    Contract(
        name="realised_wrong_notes",
        description="As many notes are wrong as the recipe asks, within 4 standard deviations.",
        judge=judge_wrong_notes,
        blocking=False,
    ),
    Contract(
        name="realised_snr",
        description="The noise is as far below the sound as the recipe asks, within 0.1 dB.",
        judge=judge_snr,
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
