"""Tables derived from the pairs: heuristics, samples, audio features, MIDI tokens."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import dagster as dg

from models.hearing.trained import HEARING_VERSION, TrainedDetector
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
from models.training.hearing.result import NAME
from pipelines.assets.hearing import find_detector
from pipelines.automation import REMATERIALIZE_ON_CHANGE
from pipelines.execution.engine import Engine
from pipelines.execution.partitioned_step import Committed, Step, run_partitions
from pipelines.metadata import table_metadata
from pipelines.partitions import CORPUS_TIERS, TierYear, tables_of
from pipelines.resources import Project
from pipelines.workspace import Workspace
from storage.derive import derived_path
from storage.derived import (
    HEURISTICS_VERSION,
    SAMPLES_VERSION,
    HeuristicsTask,
    SamplesTask,
    samples_path,
    write_heuristics,
    write_samples,
)
from storage.tables import DataFile, Table, commit, data_file_rows, find_data_file

Task = TypeVar("Task")
PartTask = TypeVar("PartTask", HeuristicsTask, FeaturesTask)

Parts = tuple[str, Callable[[str], PartTask]]
"""The suffix of the names of a table's parts, and the task of a part of the pairs by its path."""


def derived_assets(recipe_name: str) -> list[dg.AssetsDefinition]:
    """Return the assets of a recipe's derived tables."""

    def heuristics_parts(workspace: Workspace) -> Parts[HeuristicsTask]:
        pairs, heuristics = (workspace.table(recipe_name, one) for one in ("pairs", "heuristics"))
        return HEURISTICS_VERSION, lambda path: HeuristicsTask(
            pairs=pairs, heuristics=heuristics, path=path
        )

    def features_task(
        workspace: Workspace, target: str, detector: TrainedDetector | None
    ) -> Callable[[str], FeaturesTask]:
        config = workspace.experiment_config()
        return lambda path: FeaturesTask(
            pairs=workspace.table(recipe_name, "pairs"),
            target=workspace.table(recipe_name, target),
            path=path,
            audio=config.audio_features,
            tokens=config.midi_encoder.tokens,
            detector=detector,
        )

    def audio_parts(workspace: Workspace) -> Parts[FeaturesTask]:
        config = workspace.experiment_config()
        detector = find_detector(workspace, recipe_name, config)
        version = audio_features_version(
            config.audio_features, config.midi_encoder.tokens, detector
        )
        return version, features_task(workspace, "audio_features", detector)

    def token_parts(workspace: Workspace) -> Parts[FeaturesTask]:
        version = midi_tokens_version(workspace.experiment_config().midi_encoder.tokens)
        return version, features_task(workspace, "midi_tokens", None)

    def features_engine(workspace: Workspace) -> Engine:
        features, engine = workspace.experiment_config().audio_features, workspace.settings.engine
        return replace(engine, workers=feature_workers(features, engine.workers))

    return [
        derived_asset(
            [recipe_name, "heuristics"],
            "The reading of each row by the nine labeling functions: value, score from 0 to 100, "
            "or the reason to abstain.",
            kinds={"numpy", "deltalake"},
            code_version=HEURISTICS_VERSION,
            step_of=part_by_part(
                [recipe_name, "heuristics"],
                parts=heuristics_parts,
                work=write_heuristics,
            ),
        ),
        derived_asset(
            [recipe_name, "samples"],
            "The table for analysts: one light row per graded version of a segment, with scores, "
            "measured damage, origin and heuristics, without the binaries.",
            deps=[dg.AssetDep([recipe_name, "heuristics"])],
            kinds={"deltalake"},
            code_version=SAMPLES_VERSION,
            step_of=partial(samples_step, recipe_name),
        ),
        derived_asset(
            [recipe_name, "audio_features"],
            "What audio models read, computed once for every experiment: log-mel spectrograms or "
            "hidden states of MERT, as the experiment file says, and the notes that are heard.",
            deps=tables_of(recipe_name, NAME),
            kinds={"torch", "deltalake"},
            code_version=f"{AUDIO_FEATURES_VERSION} {HEARING_VERSION} {MIDI_TOKENS_VERSION}",
            step_of=part_by_part(
                [recipe_name, "audio_features"],
                parts=audio_parts,
                work=write_audio_features,
                engine=features_engine,
            ),
        ),
        derived_asset(
            [recipe_name, "midi_tokens"],
            "Note tokens of the kind that the experiment file names; no note is dropped.",
            kinds={"midi", "deltalake"},
            code_version=MIDI_TOKENS_VERSION,
            step_of=part_by_part(
                [recipe_name, "midi_tokens"],
                parts=token_parts,
                work=write_midi_tokens,
            ),
        ),
    ]


def derived_asset(
    key: Sequence[str],
    description: str,
    *,
    deps: Sequence[dg.AssetDep] = (),
    kinds: set[str],
    code_version: str,
    step_of: Callable[[Workspace], Step[Task, DataFile]],
) -> dg.AssetsDefinition:
    """Return the asset of one table that is derived from the pairs, made by a corpus's step."""

    @dg.asset(
        key=key,
        deps=[dg.AssetDep([key[0], "pairs"]), *deps],
        partitions_def=CORPUS_TIERS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool="workers",
        group_name=key[0],
        kinds=kinds,
        owners=["team:data"],
        automation_condition=REMATERIALIZE_ON_CHANGE,
        code_version=code_version,
        description=description,
    )
    def derived(
        context: dg.AssetExecutionContext, project: Project
    ) -> Iterator[dg.MaterializeResult[None]]:
        yield from run_partitions(context, project, step_of)

    return derived


def part_by_part(
    key: Sequence[str],
    *,
    parts: Callable[[Workspace], Parts[PartTask]],
    work: Callable[[PartTask], DataFile],
    engine: Callable[[Workspace], Engine] = lambda workspace: workspace.settings.engine,
) -> Callable[[Workspace], Step[PartTask, DataFile]]:
    """Return the steps of a table with a part for each part of the pairs."""
    recipe_name, name = key

    def step_of(workspace: Workspace) -> Step[PartTask, DataFile]:
        pairs, table = (workspace.table(recipe_name, one) for one in ("pairs", name))
        (suffix, task), rows = parts(workspace), data_file_rows(pairs)

        def plan(folder: TierYear) -> list[PartTask]:
            return [task(path) for path in data_file_rows(pairs, None, **folder.columns)]

        return derived_step(
            table,
            engine(workspace),
            pairs,
            plan=plan,
            find=lambda planned: find_data_file(table, derived_path(planned.path, suffix)),
            work=work,
            size=lambda planned: rows[planned.path],
        )

    return step_of


def samples_step(recipe_name: str, workspace: Workspace) -> Step[SamplesTask, DataFile]:
    """Return the step of the samples, which have a part for each folder of the pairs."""
    pairs, heuristics, samples = (
        workspace.table(recipe_name, name) for name in ("pairs", "heuristics", "samples")
    )
    rows = data_file_rows(pairs)

    def plan(folder: TierYear) -> list[SamplesTask]:
        paths = tuple(data_file_rows(pairs, None, **folder.columns))
        task = SamplesTask(pairs=pairs, heuristics=heuristics, samples=samples, paths=paths)
        return [task] if paths else []

    return derived_step(
        samples,
        workspace.settings.engine,
        pairs,
        plan=plan,
        find=lambda planned: find_data_file(samples, samples_path(planned.paths)),
        work=write_samples,
        size=lambda planned: sum(rows[path] for path in planned.paths),
    )


def derived_step(
    table: Table,
    engine: Engine,
    pairs: Table,
    *,
    plan: Callable[[TierYear], list[Task]],
    find: Callable[[Task], DataFile | None],
    work: Callable[[Task], DataFile],
    size: Callable[[Task], int],
) -> Step[Task, DataFile]:
    """Return the step of a derived table, which has as many rows as the pairs."""

    def commit_folder(folder: TierYear, files: list[DataFile], why: str) -> Committed:
        commit(table, files, folder.columns, why)
        return Committed.of(files)

    return Step(
        tables=(table,),
        engine=engine,
        count=lambda folder: sum(data_file_rows(pairs, None, **folder.columns).values()),
        plan=plan,
        find=find,
        work=work,
        size=size,
        commit=commit_folder,
        metadata=lambda tier: table_metadata(table),
    )
