"""What survives of a recipe's damage when notes become tokens."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.compute as pc

from degradation.errors import UserError
from degradation.notes import Performance
from degradation.recipe import TIERS
from models.evaluation.audits.token_counts import AuditRow, audit_tokeniser
from models.tokens.tokenisers import TOKENISERS
from models.training.checkpoint import write_json
from pipelines.evenly_spaced import evenly_spaced
from pipelines.metadata import records_metadata
from pipelines.resources import Project
from pipelines.settings import find_recipe
from pipelines.workspace import Workspace
from storage.midi import read_midi
from storage.tables import Table, read_table

SEGMENTS = 200
"""So many show a share to about 1 %: each has a hundred notes or so."""


def token_audit_asset(recipe_name: str) -> dg.AssetsDefinition:
    """Return a recipe's asset of the tokeniser audit."""

    @dg.asset(
        key=[recipe_name, "token_audit"],
        deps=[[recipe_name, "pairs"], [recipe_name, "recipe"]],
        group_name=f"{recipe_name}_models",
        kinds={"midi"},
        owners=["team:research"],
        code_version="1",
        description=(
            "How much of each of the recipe's operations on notes survives each tokeniser, and "
            "that no note is lost: what a model cannot read, it cannot grade."
        ),
    )
    def token_audit(project: Project) -> dg.MaterializeResult[None]:
        workspace, recipe = project.workspace, find_recipe(recipe_name)
        segments = some_clean_segments(workspace.table(recipe_name, "pairs"))
        rows = [
            row
            for tokeniser in TOKENISERS.values()
            for row in audit_tokeniser(segments, recipe, tokeniser, seed=recipe.seed)
        ]
        path = audit_file(workspace, recipe_name)
        write_json(path, [asdict(row) for row in rows])
        return dg.MaterializeResult(
            metadata={
                "segments": len(segments),
                "notes lost": sum(row.notes_lost for row in rows),
                "survival": records_metadata([shown(row) for row in rows]),
                "json": dg.MetadataValue.path(path),
            }
        )

    return token_audit


def audit_file(workspace: Workspace, recipe_name: str) -> Path:
    """Return where a recipe's audit lies."""
    return workspace.output(recipe_name, "token_audit") / "token_audit.json"


def read_token_audit(workspace: Workspace, recipe_name: str) -> list[dict[str, Any]]:
    """Return the rows of a recipe's audit (fields of `AuditRow`); UserError without one."""
    path = audit_file(workspace, recipe_name)
    if not path.exists():
        raise UserError(f"{path} is missing; expected the tokeniser audit: materialise token_audit")
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def some_clean_segments(pairs: Table) -> dict[str, Performance]:
    """Return up to `SEGMENTS` undamaged segments, evenly over the corpus, by id.

    The undamaged playing stands beside each damaged row; the rows of the best tier hold
    segments from all over the corpus.
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


def shown(row: AuditRow) -> dict[str, object]:
    """Return a row of the audit as the UI and the report show it."""
    return {
        "tokens": row.tokeniser,
        "tier": row.tier,
        "operation": row.operation,
        "strength": f"{row.strength:g} {row.unit}",
        "what changed": row.aspect or "nothing",
        "notes changed": row.changed_notes,
        "seen in the tokens": "" if row.seen_share is None else f"{row.seen_share:.0%}",
        "survival": "" if row.survival is None else f"{row.survival:.0%}",
        "notes lost": row.notes_lost,
    }
