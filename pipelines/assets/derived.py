"""Tables derived from the pairs, part by part: heuristics, samples, audio features, MIDI tokens."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import dagster as dg

from models.inputs.feature_writer import (
    AUDIO_FEATURES_VERSION,
    MIDI_TOKENS_VERSION,
    FeaturesTask,
    audio_features_version,
    feature_workers,
    midi_tokens_version,
    write_audio_features,
    write_midi_tokens,
)
from pipelines.automation import MAKE_AGAIN_WHAT_CHANGED
from pipelines.execution.partitioned_step import (
    Committed,
    Step,
    empty_other_years,
    materialised,
    run_step,
)
from pipelines.metadata import table_metadata
from pipelines.partitions import TierYear
from pipelines.resources import Project
from pipelines.workspace import Workspace
from storage.derived import (
    HEURISTICS_VERSION,
    SAMPLES_VERSION,
    DerivedTask,
    write_heuristics,
    write_samples,
)
from storage.tables import DataFile, commit, data_file_rows, derived_path, find_data_file

Task = TypeVar("Task", DerivedTask, FeaturesTask)


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation(Generic[Task]):
    """How one table follows from the pairs: `work` does one task for each of their parts.

    `version` is the suffix of its parts' names; `code_version` is that of the code alone.
    """

    name: str
    description: str
    deps: tuple[str, ...] = ("pairs",)
    kinds: tuple[str, ...]
    code_version: str
    version: Callable[[Workspace], str]
    task: Callable[[Workspace, str, str], Task]
    work: Callable[[Task], DataFile]
    workers: Callable[[Workspace], int] = lambda workspace: workspace.settings.workers


def derived_task(workspace: Workspace, recipe_name: str, path: str) -> DerivedTask:
    """Return the task for the heuristics or samples of one part of the pairs."""
    pairs, heuristics, samples = (
        workspace.table(recipe_name, name) for name in ("pairs", "heuristics", "samples")
    )
    return DerivedTask(pairs=pairs, heuristics=heuristics, samples=samples, path=path)


def features_task(target: str) -> Callable[[Workspace, str, str], FeaturesTask]:
    """Return a function that makes the tasks of a table of features."""

    def make(workspace: Workspace, recipe_name: str, path: str) -> FeaturesTask:
        config = workspace.settings.experiment_config()
        return FeaturesTask(
            pairs=workspace.table(recipe_name, "pairs"),
            target=workspace.table(recipe_name, target),
            path=path,
            audio=config.audio_features,
            tokens=config.midi_encoder.tokens,
        )

    return make


HEURISTICS = Derivation(
    name="heuristics",
    description=(
        "The reading of each row by the nine labeling functions: value, score from 0 to 100, or "
        "the reason to abstain."
    ),
    kinds=("librosa", "deltalake"),
    code_version=HEURISTICS_VERSION,
    version=lambda _: HEURISTICS_VERSION,
    task=derived_task,
    work=write_heuristics,
)
SAMPLES = Derivation(
    name="samples",
    description=(
        "The table for analysts: one light row per graded version of a segment, with scores, "
        "measured damage, origin and heuristics, without the binaries."
    ),
    deps=("pairs", "heuristics"),
    kinds=("deltalake",),
    code_version=SAMPLES_VERSION,
    version=lambda _: SAMPLES_VERSION,
    task=derived_task,
    work=write_samples,
)
AUDIO_FEATURES = Derivation(
    name="audio_features",
    description=(
        "The input of the audio encoder, computed once for every experiment: log-mel "
        "spectrograms, or hidden states of MERT, as the experiment file says."
    ),
    kinds=("torch", "deltalake"),
    code_version=AUDIO_FEATURES_VERSION,
    version=lambda workspace: audio_features_version(
        workspace.settings.experiment_config().audio_features
    ),
    task=features_task("audio_features"),
    work=write_audio_features,
    workers=lambda workspace: feature_workers(
        workspace.settings.experiment_config().audio_features, workspace.settings.workers
    ),
)
MIDI_TOKENS = Derivation(
    name="midi_tokens",
    description="Note tokens of the kind that the experiment file names; no note is dropped.",
    kinds=("midi", "deltalake"),
    code_version=MIDI_TOKENS_VERSION,
    version=lambda workspace: midi_tokens_version(
        workspace.settings.experiment_config().midi_encoder.tokens
    ),
    task=features_task("midi_tokens"),
    work=write_midi_tokens,
)


def derived_assets(
    recipe_name: str, partitions: dg.PartitionsDefinition[dg.MultiPartitionKey]
) -> list[dg.AssetsDefinition]:
    """Return the assets of a recipe's derived tables."""
    return [
        derived_asset(recipe_name, partitions, HEURISTICS),
        derived_asset(recipe_name, partitions, SAMPLES),
        derived_asset(recipe_name, partitions, AUDIO_FEATURES),
        derived_asset(recipe_name, partitions, MIDI_TOKENS),
    ]


def derived_asset(
    recipe_name: str,
    partitions: dg.PartitionsDefinition[dg.MultiPartitionKey],
    derivation: Derivation[Task],
) -> dg.AssetsDefinition:
    """Return the asset of one derived table."""

    @dg.asset(
        key=[recipe_name, derivation.name],
        deps=[dg.AssetDep([recipe_name, dep]) for dep in derivation.deps],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool="workers",
        group_name=recipe_name,
        kinds=set(derivation.kinds),
        owners=["team:data"],
        automation_condition=MAKE_AGAIN_WHAT_CHANGED,
        code_version=derivation.code_version,
        description=derivation.description,
    )
    def derived(
        context: dg.AssetExecutionContext, project: Project
    ) -> Iterator[dg.MaterializeResult[None]]:
        workspace = project.workspace
        table = workspace.table(recipe_name, derivation.name)
        step = derived_step(workspace, recipe_name, derivation)
        committed = run_step(context, step, derivation.workers(workspace))
        empty_other_years(table, project.settings.years())
        yield from materialised(context, committed, table_metadata(table))

    return derived


def derived_step(
    workspace: Workspace, recipe_name: str, derivation: Derivation[Task]
) -> Step[Task, DataFile]:
    """Return a step with one task for each part of the pairs."""
    pairs, target = (workspace.table(recipe_name, name) for name in ("pairs", derivation.name))
    version, rows = derivation.version(workspace), data_file_rows(pairs)

    def plan(partition: TierYear) -> list[Task]:
        paths = data_file_rows(pairs, None, **partition.columns)
        return [derivation.task(workspace, recipe_name, path) for path in paths]

    def commit_partition(partition: TierYear, parts: list[DataFile]) -> Committed:
        commit(target, parts, partition.columns)
        return Committed.of(parts)

    return Step(
        count=lambda partition: sum(data_file_rows(pairs, None, **partition.columns).values()),
        plan=plan,
        find=lambda task: find_data_file(target, derived_path(task.path, version)),
        work=derivation.work,
        size=lambda task: rows[task.path],
        commit=commit_partition,
    )
