"""Tables that follow from the pairs, part by part: heuristics, samples and features."""

from collections.abc import Callable
from typing import TypeVar

import dagster as dg

from models.feature_parts import (
    MEL_VERSION,
    TOKENS_VERSION,
    FeaturesTask,
    write_audio_features_part,
    write_midi_tokens_part,
)
from pipelines.automation import MAKE_AGAIN_WHAT_CHANGED
from pipelines.fanout import Step, run_step
from pipelines.metadata import table_metadata
from pipelines.partitions import TierYear
from pipelines.resources import Project
from pipelines.workspace import Workspace
from storage.derived import (
    HEURISTICS_VERSION,
    SAMPLES_VERSION,
    DerivedTask,
    write_heuristics_part,
    write_samples_part,
)
from storage.tables import Part, Table, commit, part_rows

Task = TypeVar("Task", DerivedTask, FeaturesTask)


def derived_assets(
    recipe_name: str, partitions: dg.PartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """Return a recipe's tables that follow from its pairs."""

    def derived_asset(
        name: str, deps: list[str], code_version: str, kinds: set[str], description: str,
        step: Callable[[Workspace], Step[Task, Part]],
    ) -> dg.AssetsDefinition:  # fmt: skip
        @dg.asset(
            key=[recipe_name, name],
            deps=[dg.AssetDep([recipe_name, dep]) for dep in deps],
            partitions_def=partitions,
            backfill_policy=dg.BackfillPolicy.single_run(),
            group_name=recipe_name,
            kinds=kinds,
            owners=["team:data"],
            automation_condition=MAKE_AGAIN_WHAT_CHANGED,
            code_version=code_version,
            description=description,
        )
        def derived(
            context: dg.AssetExecutionContext, project: Project
        ) -> dg.MaterializeResult[None]:
            workspace = project.workspace
            committed = run_step(context, step(workspace), project.settings.workers)
            return dg.MaterializeResult(
                metadata={
                    **table_metadata(workspace.table(recipe_name, name)),
                    "partitions in this run": len(committed),
                    "rows in this run": sum(committed.values()),
                }
            )

        return derived

    def read_task(workspace: Workspace, path: str) -> DerivedTask:
        pairs, heuristics, samples = (
            workspace.table(recipe_name, name) for name in ("pairs", "heuristics", "samples")
        )
        return DerivedTask(pairs=pairs, heuristics=heuristics, samples=samples, path=path)

    def features_task(target: str) -> Callable[[Workspace, str], FeaturesTask]:
        def make(workspace: Workspace, path: str) -> FeaturesTask:
            return FeaturesTask(
                pairs=workspace.table(recipe_name, "pairs"),
                target=workspace.table(recipe_name, target),
                path=path,
                mel=workspace.settings.experiment_config().mel,
            )

        return make

    return [
        derived_asset(
            "heuristics", ["pairs"], HEURISTICS_VERSION, {"librosa", "deltalake"},
            "What the nine labeling functions say of each row: value, score from 0 to 100, or why "
            "they abstain.",
            lambda w: part_step(w, recipe_name, "heuristics", read_task, write_heuristics_part),
        ),
        derived_asset(
            "samples", ["pairs", "heuristics"], SAMPLES_VERSION, {"deltalake"},
            "What analysts query: one light row a graded version of a segment, with scores, "
            "measured damage, origin and heuristics, without the binaries.",
            lambda w: part_step(w, recipe_name, "samples", read_task, write_samples_part),
        ),
        derived_asset(
            "audio_features", ["pairs"], MEL_VERSION, {"torch", "deltalake"},
            "Log-mel spectrograms, computed once and read by every experiment.",
            lambda w: part_step(
                w, recipe_name, "audio_features", features_task("audio_features"),
                write_audio_features_part,
            ),
        ),
        derived_asset(
            "midi_tokens", ["pairs"], TOKENS_VERSION, {"midi", "deltalake"},
            "Note tokens with absolute time and continuous pedal; no note is dropped.",
            lambda w: part_step(
                w, recipe_name, "midi_tokens", features_task("midi_tokens"), write_midi_tokens_part
            ),
        ),
    ]  # fmt: skip


def part_step(
    workspace: Workspace,
    recipe_name: str,
    target_name: str,
    make_task: Callable[[Workspace, str], Task],
    work: Callable[[Task], Part],
) -> Step[Task, Part]:
    """Return a step with one task a part of the shards."""
    pairs: Table = workspace.table(recipe_name, "pairs")
    target = workspace.table(recipe_name, target_name)
    rows = part_rows(pairs)

    def commit_partition(partition: TierYear, parts: list[Part]) -> int:
        commit(target, parts, partition.columns)
        return sum(part.rows for part in parts)

    return Step(
        count=lambda partition: sum(part_rows(pairs, None, **partition.columns).values()),
        plan=lambda partition: [
            make_task(workspace, path) for path in part_rows(pairs, None, **partition.columns)
        ],
        work=work,
        size=lambda task: rows[task.path],
        commit=commit_partition,
    )
