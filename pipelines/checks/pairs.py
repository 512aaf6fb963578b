"""The checks of a recipe's pairs: one table of them, and the asset check that runs one.

To add a check, write a function from `CheckedPairs` to a result and list it here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import getdoc

import dagster as dg

from degradation.factored import FactoredRecipe
from degradation.tiered import TieredRecipe
from pipelines.checks.checked_pairs import CheckedPairs
from pipelines.checks.counts import judge_populated_tiers, judge_rows, judge_tier_shares
from pipelines.checks.each_partition import log_each_partition
from pipelines.checks.note_damage import (
    judge_jitter,
    judge_jitter_dose,
    judge_slip_dose,
    judge_wrong_notes,
)
from pipelines.checks.scores import judge_labels, judge_scores
from pipelines.checks.sound import judge_alignment, judge_recording_snr, judge_snr
from pipelines.partitions import CORPUS_TIERS, tier_years, tiers_by_corpus
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

    It judges the partitions of its run, not what an earlier recipe left in others; all of them have
    the same result.
    """

    key = [recipe_name, "pairs"]

    @dg.asset_check(
        asset=key,
        name=check.name,
        description=check.description,
        blocking=check.blocking,
        partitions_def=CORPUS_TIERS,
    )
    def judge(context: dg.AssetCheckExecutionContext, project: Project) -> dg.AssetCheckResult:
        recipe, results = find_recipe(recipe_name), {}
        for corpus, tiers in tiers_by_corpus(context.partition_keys).items():
            workspace = project.workspace(corpus)
            folders = tier_years(tiers, workspace.years())
            results[corpus] = (
                check.factored(CheckedPairs(recipe, workspace, folders))
                if isinstance(recipe, FactoredRecipe)
                else check.tiered(CheckedPairs(recipe, workspace, folders))
            )
        result = together(results)
        log_each_partition(context, dg.AssetCheckKey(dg.AssetKey(key), check.name), result)
        return result

    return judge


def together(results: Mapping[str, dg.AssetCheckResult]) -> dg.AssetCheckResult:
    """Return one result for several corpora; it fails where one of them does."""
    if len(results) == 1:
        return next(iter(results.values()))
    failed = [result for result in results.values() if not result.passed]
    errors = [result for result in failed if result.severity is dg.AssetCheckSeverity.ERROR]
    return dg.AssetCheckResult(
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR
        if errors or not failed
        else dg.AssetCheckSeverity.WARN,
        description="; ".join(result.description for result in failed if result.description),
        metadata={
            f"{corpus}: {name}": value
            for corpus, result in results.items()
            for name, value in result.metadata.items()
        },
    )
