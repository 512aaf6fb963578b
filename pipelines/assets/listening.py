"""The listening page: the same passages in every tier, or with each fault, side by side."""

from decimal import Decimal

import dagster as dg
import pyarrow.compute as pc

from degradation.draws import NOTHING, Draw, TieredDraw, family_of, with_effective_severities
from degradation.factored import FactoredRecipe, reference_dose
from degradation.notes import Performance
from degradation.recipe import TIERS, Recipe
from labeling.scores import DIMENSIONS
from pipelines.assets.accounted import accounted
from pipelines.assets.pairs import SegmentRow, corpus_origin
from pipelines.automation import REMATERIALIZE_ON_CHANGE
from pipelines.listening.page import ListeningSegment, Take, listening_page
from pipelines.listening.palette import UNDAMAGED
from pipelines.listening.pedal_pair import half_pedal_share, most_half_pedal, pedal_pair
from pipelines.partitions import CORPORA, tables_of
from pipelines.resources import Project
from pipelines.settings import find_recipe
from pipelines.workspace import Workspace
from storage.pairs import clean_segment, make_row
from storage.performances import load_performances
from storage.replay import replay
from storage.tables import read_table

PASSAGES = 6
PAGE = "listening.html"


def fault_dose_jnd(recipe: Recipe) -> float | None:
    """Return the severity of the faults on the page; None for a recipe whose takes are tiers."""
    if not isinstance(recipe, FactoredRecipe):
        return None
    return reference_dose(recipe.counterfactual.severities_jnd)


def listening_page_asset(recipe_name: str) -> dg.AssetsDefinition:
    """Return a recipe's asset of its listening page."""

    @dg.asset(
        key=[recipe_name, "listening_page"],
        deps=tables_of(recipe_name, "pairs"),
        partitions_def=CORPORA,
        group_name=recipe_name,
        kinds={"html"},
        owners=["team:research"],
        automation_condition=REMATERIALIZE_ON_CHANGE,
        code_version="4",
        description=(
            "One page with a row per passage and a player and piano roll per take: each tier, or, "
            "in a factored recipe, each fault alone. Where sound is rendered, last, half a pedal."
        ),
    )
    @accounted
    def page(context: dg.AssetExecutionContext, project: Project) -> dg.MaterializeResult[None]:
        workspace, recipe = project.workspace(context.partition_key), find_recipe(recipe_name)
        segments = listening_segments(recipe, workspace)
        page = listening_page(segments, fault_dose_jnd(recipe), recipe_name, workspace.corpus.name)
        with workspace.write(workspace.output(recipe_name, "listening_page")) as folder:
            path = folder / PAGE
            path.write_text(page, encoding="utf-8")
        context.log.info(f"{recipe_name}/listening_page: {path}")
        return dg.MaterializeResult(
            metadata={
                "page": dg.MetadataValue.url(project.settings.link(path)),
                "path": dg.MetadataValue.path(path),
                "passages": len(segments),
                "bytes": path.stat().st_size,
            }
        )

    return page


def listening_segments(recipe: Recipe, workspace: Workspace) -> list[ListeningSegment]:
    """Return passages of different compositions, each in every take; last, one for the pedal."""
    table, passages = workspace.corpus_table("performances"), choose_passages(recipe, workspace)
    music: dict[str, Performance] = {}
    for year in sorted({passage["year"] for passage in passages}):
        music |= load_performances(table, year)
    segments = [_in_every_take(passage, recipe, workspace, music) for passage in passages]
    if recipe.audio_source == "rendered":
        segments += _with_half_pedal(passages, recipe, workspace, music)
    return segments


def _with_half_pedal(
    passages: list[SegmentRow],
    recipe: Recipe,
    workspace: Workspace,
    performances: dict[str, Performance],
) -> list[ListeningSegment]:
    """Return the passage of the same performances with the most half pedal, in two takes."""
    played = pc.field("performance_id").isin([passage["performance_id"] for passage in passages])
    rows = read_table(workspace.corpus_table("segments")).to_table(filter=played).to_pylist()
    heard = {row["segment_id"]: clean_segment(row, performances) for row in rows}
    most = most_half_pedal(heard)
    return [
        _listening_segment(
            row,
            workspace,
            pedal_pair(heard[most], recipe.instruments[0]),
            "Half a pedal: here the dampers touch the strings for "
            f"{half_pedal_share(heard[most]):.0%} of the time, and damp them in part. With the "
            "pedal as a switch, they damp all or nothing.",
        )
        for row in rows
        if row["segment_id"] == most
    ]


def choose_passages(recipe: Recipe, workspace: Workspace) -> list[SegmentRow]:
    """Return one segment of each of the first compositions, held-out music first.

    Of the segments of a composition it is the one with the median number of notes.
    """
    columns = ["segment_id", "composition", "split", "note_count"]
    pairs = read_table(workspace.table(recipe.name, "pairs")).to_table(columns=columns)
    segments = pairs.to_pandas().drop_duplicates("segment_id")
    chosen = []
    for split in ("test", "validation", "train"):
        for _, rows in segments[segments["split"] == split].groupby("composition"):
            ordered = rows.sort_values(["note_count", "segment_id"])
            chosen.append(ordered["segment_id"].iloc[len(ordered) // 2])
    wanted = chosen[:PASSAGES]
    table = read_table(workspace.corpus_table("segments"))
    found = table.to_table(filter=pc.field("segment_id").isin(wanted)).to_pylist()
    return sorted(found, key=lambda segment: wanted.index(segment["segment_id"]))


def listening_draws(recipe: Recipe, segment: SegmentRow, clean: Performance) -> dict[str, Draw]:
    """Return the takes of a passage by name.

    Of a tiered recipe, the first draw in every tier. Of a factored recipe, the passage's
    counterfactual family: each fault alone, on one instrument in one room.
    """
    segment_id = segment["segment_id"]
    if not isinstance(recipe, FactoredRecipe):
        return {
            tier: TieredDraw(recipe=recipe, segment_id=segment_id, number=0, tier=tier)
            for tier in TIERS
        }
    dose_jnd = fault_dose_jnd(recipe)
    return {
        UNDAMAGED if draw.varied == NOTHING else str(draw.varied): draw
        for draw in with_effective_severities(family_of(recipe, segment_id), clean)
        if draw.varied == NOTHING or draw.varied_severity_jnd == dose_jnd
    }


def describe_strength(operation: str, strength: float, unit: str) -> str:
    """Return an operation and its strength as text: three digits, no power of ten."""
    return f"{operation.replace('_', ' ')}: {Decimal(f'{strength:.3g}'):,f} {unit}"


def _in_every_take(
    segment: SegmentRow,
    recipe: Recipe,
    workspace: Workspace,
    performances: dict[str, Performance],
) -> ListeningSegment:
    clean, origin = clean_segment(segment, performances), corpus_origin(workspace)
    takes = []
    for name, draw in listening_draws(recipe, segment, clean).items():
        row = make_row(draw, segment, performances, origin)
        pair = replay(row, origin.root)
        takes.append(
            Take(
                name=name,
                clean=pair.clean,
                degraded=pair.degraded,
                flac=row["audio"]["bytes"],
                duration_s=segment["duration_s"],
                done=tuple(
                    describe_strength(operation.operation, *operation.strength)
                    for operation in draw.damage_operations
                ),
                scores={dimension: row[dimension] for dimension in DIMENSIONS},
            )
        )
    return _listening_segment(segment, workspace, tuple(takes))


def _listening_segment(
    segment: SegmentRow, workspace: Workspace, takes: tuple[Take, ...], note: str = ""
) -> ListeningSegment:
    return ListeningSegment(
        **{key: segment[key] for key in ("segment_id", "composer", "title", "start_s", "split")},
        licence=corpus_origin(workspace).licence,
        takes=takes,
        note=note,
    )
