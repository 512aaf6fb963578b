"""The listening page: the same passages in every tier, to be heard side by side."""

from typing import Any

import dagster as dg
import pyarrow.compute as pc

from degradation.recipe import TIERS, Recipe
from degradation.sampling import Draw
from labeling.scores import DIMENSIONS
from pipelines.automation import MAKE_AGAIN_WHAT_CHANGED
from pipelines.listening_page import ListeningSegment, Take, listening_page
from pipelines.resources import Project
from pipelines.settings import find_recipe
from pipelines.workspace import Workspace
from storage.pairs import CorpusOrigin, make_row, replay
from storage.performances import load_performances
from storage.tables import read_table

PASSAGES = 6
PAGE = "listening.html"


def listening_page_asset(recipe_name: str) -> dg.AssetsDefinition:
    """Return a recipe's asset of its listening page."""

    @dg.asset(
        key=[recipe_name, "listening_page"],
        deps=[[recipe_name, "pairs"]],
        group_name=recipe_name,
        kinds={"html"},
        owners=["team:research"],
        automation_condition=MAKE_AGAIN_WHAT_CHANGED,
        code_version="1",
        description=(
            "One page with a row a passage and a player and piano roll a tier, so that a person "
            "can hear what each tier is. The first draw of a passage is forced into every tier."
        ),
    )
    def page(context: dg.AssetExecutionContext, project: Project) -> dg.MaterializeResult[None]:
        path = project.workspace.output(recipe_name, "listening_page") / PAGE
        recipe = find_recipe(recipe_name)
        segments = listening_segments(recipe, project.workspace)
        path.write_text(
            listening_page(segments, recipe_name, project.settings.corpus_name), encoding="utf-8"
        )
        context.log.info(f"listening page: {path}")
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
    """Return passages of different compositions, each in every tier."""
    settings = workspace.settings
    origin = CorpusOrigin(
        name=settings.corpus_name, root=settings.corpus_root, licence=settings.corpus_licence
    )
    performances = workspace.corpus_table("performances")
    return [
        _in_every_tier(segment, recipe, origin, load_performances(performances, segment["year"]))
        for segment in choose_passages(recipe, workspace)
    ]


def choose_passages(recipe: Recipe, workspace: Workspace) -> list[dict[str, Any]]:
    """Return one segment of each of the first compositions, held-out music first.

    Of a composition's segments that became pairs, the one whose number of notes is the median.
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


def _in_every_tier(
    segment: dict[str, Any], recipe: Recipe, origin: CorpusOrigin, performances: dict[str, Any]
) -> ListeningSegment:
    takes = []
    for tier in TIERS:
        draw = Draw(recipe=recipe, segment_id=segment["segment_id"], number=0, tier=tier)
        row = make_row(draw, segment, performances, origin)
        pair = replay(row, origin.root)
        takes.append(
            Take(
                tier=tier,
                clean=pair.clean,
                degraded=pair.degraded,
                flac=row["audio"]["bytes"],
                duration_s=segment["duration_s"],
                done=tuple(
                    f"{operation.operation.replace('_', ' ')}: {strength:g} {unit}"
                    for operation in draw.damage.operations
                    for strength, unit in [operation.strength]
                ),
                scores={dimension: row[dimension] for dimension in DIMENSIONS},
            )
        )
    return ListeningSegment(
        segment_id=segment["segment_id"],
        composer=segment["composer"],
        title=segment["title"],
        start_s=segment["start_s"],
        split=segment["split"],
        licence=origin.licence,
        takes=tuple(takes),
    )
