"""How much of a recipe's damage survives when notes become tokens."""

from dataclasses import asdict

import dagster as dg
import pyarrow.compute as pc

from degradation.notes import Performance
from degradation.recipe import TIERS
from models.evaluation.audits.documents import TokenAudit
from models.evaluation.audits.token_counts import audit_tokeniser
from models.tokens.tokenisers import TOKENISERS
from pipelines.assets.accounted import accounted
from pipelines.documents import write_audit
from pipelines.evenly_spaced import evenly_spaced
from pipelines.metadata import records_metadata
from pipelines.partitions import CORPORA, tables_of
from pipelines.resources import Project
from pipelines.settings import find_recipe
from storage.midi import read_midi
from storage.tables import Table, read_table

SEGMENTS = 200
"""Enough to know a share to about 1 %: a segment has about a hundred notes."""


def token_audit_asset(recipe_name: str) -> dg.AssetsDefinition:
    """Return a recipe's asset of the tokeniser audit."""

    @dg.asset(
        key=[recipe_name, "token_audit"],
        deps=[
            *tables_of(recipe_name, "pairs"),
            dg.AssetDep([recipe_name, "recipe"], partition_mapping=dg.AllPartitionMapping()),
        ],
        partitions_def=CORPORA,
        group_name=f"{recipe_name}_models",
        kinds={"midi"},
        owners=["team:research"],
        code_version="3",
        description=(
            "How much of each of the recipe's operations on notes survives each tokeniser, and "
            "that no note is lost: what a model cannot read, it cannot grade."
        ),
    )
    @accounted
    def token_audit(
        context: dg.AssetExecutionContext, project: Project
    ) -> dg.MaterializeResult[None]:
        workspace, recipe = project.workspace(context.partition_key), find_recipe(recipe_name)
        segments = some_clean_segments(workspace.table(recipe_name, "pairs"))
        audit = TokenAudit(
            operations=tuple(
                row
                for tokeniser in TOKENISERS.values()
                for row in audit_tokeniser(segments, recipe, tokeniser, seed=recipe.seed)
            )
        )
        made = write_audit(workspace, recipe_name, audit)
        return dg.MaterializeResult(
            metadata={
                **made,
                "segments": len(segments),
                "notes lost": sum(audit.notes_lost.values()),
                "survival": records_metadata(list(map(asdict, audit.operations))),
            }
        )

    return token_audit


def some_clean_segments(pairs: Table) -> dict[str, Performance]:
    """Return up to `SEGMENTS` undamaged segments, evenly over the corpus, by id.

    Each damaged row holds its undamaged playing too; one tier has segments of the whole corpus.
    """
    of_one_tier = pc.field("tier") == TIERS[0]
    light = read_table(pairs).to_table(columns=["sample_id", "segment_id"], filter=of_one_tier)
    once = light.group_by("segment_id").aggregate([("sample_id", "min")]).sort_by("segment_id")
    chosen = once["sample_id_min"].take(list(evenly_spaced(len(once), SEGMENTS)))
    rows = read_table(pairs).to_table(
        columns=["segment_id", "clean_midi"],
        filter=of_one_tier & pc.field("sample_id").isin(chosen),
    )
    return {
        row["segment_id"]: read_midi(row["clean_midi"]["bytes"], row["clean_midi"]["path"])
        for row in rows.to_pylist()
    }
