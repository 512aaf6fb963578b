"""Pairs: every graded version of every segment, with its audio."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import cache, lru_cache, partial
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow.compute as pc

from degradation.draws import Draw, draws_of
from degradation.errors import UserError
from degradation.notes import Performance
from degradation.recipe import TIERS, Recipe
from degradation.render import warm_synthesiser
from labeling.scores import DIMENSIONS
from pipelines.assets.recipe import latest_record, parameters_metadata
from pipelines.automation import REMATERIALIZE_ON_CHANGE
from pipelines.execution.partitioned_step import Committed, Step, run_partitions
from pipelines.metadata import defined, records_metadata, table_metadata
from pipelines.partitions import CORPUS_TIERS, OF_CORPUS, OF_TIER, TierYear, partition_key
from pipelines.resources import Project
from pipelines.settings import find_recipe
from pipelines.workspace import Workspace
from storage.pairs import (
    VERSION,
    CorpusOrigin,
    PairsTask,
    clean_segment,
    find_pairs,
    quarantine_pairs,
    split_into_tasks,
    write_pairs,
)
from storage.performances import load_performances
from storage.replay import replay
from storage.tables import DataFile, Table, commit, data_file_rows, read_table

SegmentRow = dict[str, Any]


def pairs_asset(recipe_name: str) -> dg.AssetsDefinition:
    """Return a recipe's asset of pairs."""

    @dg.asset(
        key=[recipe_name, "pairs"],
        deps=[
            dg.AssetDep("segments", partition_mapping=OF_CORPUS),
            dg.AssetDep([recipe_name, "recipe"], partition_mapping=OF_TIER),
        ],
        partitions_def=CORPUS_TIERS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool="workers",
        group_name=recipe_name,
        kinds={"fluidsynth", "parquet", "deltalake"},
        owners=["team:data"],
        automation_condition=REMATERIALIZE_ON_CHANGE,
        code_version=VERSION,
        description=(
            f"Segments damaged by recipe `{recipe_name}`, rendered and scored: the shards. One row "
            "per draw, with audio, MIDI before and after, provenance note by note, labels, and "
            "what `pianograde replay` needs to make the same bytes again."
        ),
    )
    def pairs(
        context: dg.AssetExecutionContext, project: Project
    ) -> Iterator[dg.MaterializeResult[None]]:
        recipe, instance = find_recipe(recipe_name), context.instance

        def step_of(workspace: Workspace) -> Step[PairsTask, tuple[DataFile, DataFile]]:
            step = pairs_step(recipe, workspace)

            def metadata(tier: str) -> dict[str, Any]:
                partition = partition_key(workspace.corpus.name, tier)
                last = latest_record(instance, context.asset_key, partition)
                return {**step.metadata(tier), **parameters_metadata(last, recipe, tier)}

            return replace(step, metadata=metadata)

        yield from run_partitions(context, project, step_of)

    return pairs


def pairs_step(recipe: Recipe, workspace: Workspace) -> Step[PairsTask, tuple[DataFile, DataFile]]:
    """Return the step that makes pairs, folder by folder."""
    table, quarantine = (workspace.table(recipe.name, n) for n in ("pairs", "pairs_quarantine"))
    if recipe.audio_source == "rendered":
        # An unreadable soundfont fails here, instead of sending every row to quarantine.
        for instrument in recipe.instruments:
            warm_synthesiser(instrument)

    # Folders come year by year, so the draws and notes of one year are enough to keep.
    @lru_cache(maxsize=1)
    def draws(year: str) -> dict[TierYear, list[tuple[Draw, SegmentRow]]]:
        return expected_draws(recipe, workspace, [year])

    @lru_cache(maxsize=1)
    def music(year: str) -> dict[str, Performance]:
        return load_performances(workspace.corpus_table("performances"), int(year))

    def plan(folder: TierYear) -> list[PairsTask]:
        performances = music(folder.year)
        return [
            PairsTask(
                table=table,
                quarantine=quarantine,
                origin=corpus_origin(workspace),
                year=int(folder.year),
                tier=folder.tier,
                draws=tuple(few),
                performances={
                    s["performance_id"]: performances[s["performance_id"]] for _, s in few
                },
            )
            for few in split_into_tasks(draws(folder.year).get(folder, []))
        ]

    def commit_folder(
        folder: TierYear, written: list[tuple[DataFile, DataFile]], why: str
    ) -> Committed:
        made, left_out = ([files[place] for files in written] for place in (0, 1))
        commit(quarantine, left_out, folder.columns, why)
        commit(table, made, folder.columns, why)
        return Committed.of(made)

    @cache
    def of_table() -> dict[str, Any]:
        refuse_empty_pairs(workspace, recipe.name)
        return pairs_metadata(recipe, workspace)

    return Step(
        tables=(table, quarantine),
        engine=workspace.settings.engine,
        metadata=lambda tier: {**of_table(), **tier_metadata(recipe, workspace, tier)},
        count=lambda folder: len(draws(folder.year).get(folder, [])),
        plan=plan,
        find=find_pairs,
        work=write_pairs,
        quarantine=quarantine_pairs,
        size=lambda task: len(task.draws),
        commit=commit_folder,
    )


def corpus_origin(workspace: Workspace) -> CorpusOrigin:
    """Return what the rows of pairs say of their corpus."""
    corpus = workspace.corpus
    return CorpusOrigin(name=corpus.name, root=workspace.root, licence=corpus.found_licence)


def expected_draws(
    recipe: Recipe, workspace: Workspace, years: Collection[str]
) -> dict[TierYear, list[tuple[Draw, SegmentRow]]]:
    """Return the draws of each folder of some years, with their segments, in order of names."""
    found: dict[TierYear, list[tuple[Draw, SegmentRow]]] = defaultdict(list)
    performances = workspace.corpus_table("performances")
    for year in sorted(years):
        of_year = pc.field("year") == int(year)
        table = read_table(workspace.corpus_table("segments")).to_table(filter=of_year)
        music = load_performances(performances, int(year)) if recipe.kind == "factored" else {}
        for segment in sorted(table.to_pylist(), key=lambda row: str(row["segment_id"])):
            cut = partial(clean_segment, segment, music)
            for draw in draws_of(recipe, segment["segment_id"], segment["split"], cut):
                found[TierYear(year=year, tier=draw.tier)].append((draw, segment))
    return found


def refuse_empty_pairs(workspace: Workspace, recipe_name: str) -> None:
    """Raise UserError when every draw was quarantined."""
    left_out = read_table(workspace.table(recipe_name, "pairs_quarantine")).to_table()
    if len(left_out) and not sum(data_file_rows(workspace.table(recipe_name, "pairs")).values()):
        raise UserError(
            f"none of {len(left_out)} draws of recipe {recipe_name} could be made; the first: "
            f"{left_out['reason'][0].as_py()}"
        )


def pairs_metadata(recipe: Recipe, workspace: Workspace) -> dict[str, Any]:
    """Return counts, schema, quarantine, and histograms of the labels."""
    table = workspace.table(recipe.name, "pairs")
    left_out = read_table(workspace.table(recipe.name, "pairs_quarantine")).to_table()
    columns = ["tier", "duration_s", "duplicate_of", *DIMENSIONS]
    light = read_table(table).to_table(columns=columns).to_pandas()
    tiers = Counter(light["tier"])
    metadata = {
        **table_metadata(table),
        "hours": defined(float(light["duration_s"].sum()) / 3600),
        **{f"{name} rows": tiers[name] for name in TIERS},
        "duplicates": int(light["duplicate_of"].notna().sum()),
        "audio source": recipe.audio_source,
        "quarantined": len(left_out),
        "quarantine": records_metadata(left_out.to_pylist()),
    }
    if len(light):
        metadata["labels"] = dg.MetadataValue.md(_labels_picture(light))
    return metadata


def _labels_picture(light: pd.DataFrame) -> str:
    from pipelines.pictures.png import as_markdown
    from pipelines.pictures.score_histograms import score_histograms

    png = score_histograms(light[list(DIMENSIONS)], light["tier"])
    return as_markdown(png, "histograms of the eight scores by tier")


def tier_metadata(recipe: Recipe, workspace: Workspace, tier: str) -> dict[str, Any]:
    """Return a tier's figures and a picture of its first pair; nothing where it has none."""
    table = workspace.table(recipe.name, "pairs")
    columns = ["realised_snr_db", *DIMENSIONS]
    light = read_table(table, None, tier=tier).to_table(columns=columns).to_pandas()
    if light.empty:
        return {}
    snr_db, *scores = light.astype(float).mean()
    return {
        "realised SNR, dB": defined(snr_db),
        **{f"mean {name}": defined(score) for name, score in zip(DIMENSIONS, scores, strict=True)},
        "before and after": dg.MetadataValue.md(_pair_picture(table, workspace, tier)),
    }


def _pair_picture(table: Table, workspace: Workspace, tier: str) -> str:
    from pipelines.pictures.before_after import before_and_after
    from pipelines.pictures.png import as_markdown

    [row] = read_table(table, None, tier=tier).head(1).to_pylist()
    pair = replay(row, workspace.root)
    title = f"{row['composer']}: {row['title']}, {row['start_s']:.0f} s, {row['tier']}"
    png = before_and_after(pair.clean, pair.clean_sound, pair.degraded, pair.sound, title)
    return as_markdown(png, f"piano roll and spectrogram of {row['sample_id']}, before and after")
