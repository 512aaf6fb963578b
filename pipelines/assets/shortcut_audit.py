"""Whether something that does not listen can tell the tiers of a recipe."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow.compute as pc

from degradation.errors import UserError
from degradation.recipe import TIERS
from degradation.render import Instrument
from labeling.scores import DIMENSIONS
from models.evaluation.audits.audit_json import SETS, ShortcutAudit, shortcut_json
from models.evaluation.audits.shortcut_probes import (
    LIMIT,
    TierProbe,
    guess_scores,
    guess_tiers,
    probe_scores,
    probe_tiers,
    shortcut_gate,
    unprobed_gate,
)
from models.evaluation.audits.shortcut_rows import StatisticsTask, read_statistics
from models.training.checkpoint import write_json
from pipelines.automation import MAKE_AGAIN_WHAT_CHANGED
from pipelines.evenly_spaced import evenly_spaced
from pipelines.execution.worker_pool import run_tasks
from pipelines.metadata import records_metadata
from pipelines.pictures.audits import probes_picture
from pipelines.pictures.png import as_markdown
from pipelines.resources import Project
from pipelines.settings import find_recipe
from pipelines.workspace import Workspace
from storage.corpus import SPLITS
from storage.schema import DISTINCT
from storage.tables import read_table

MOST_ROWS = 1200
"""Tells a balanced accuracy to about ±.03, which is enough to hold a limit of +.05."""

TASK_ROWS = 60

METHOD = """\
**heard**: level, crest, noise floor, bandwidth and file of the recording. **dry**: the same of the
same damaged playing, rendered with one instrument and nothing done to the sound. **drawn**: piano,
room, noise, gain, band and equaliser, as a factored recipe drew them. **notes**: counts of the
notes as played.

A random forest predicts the tier of compositions that it has not met. Quality may rightly move
what is heard (softer playing is fainter, a blurred pedal fills the gaps), and what that tells
shows in *dry* as well. So the gate is on what *heard* has above the better of chance and *dry*,
and on what *drawn* has above chance, whichever is more: a balanced accuracy of .05 at most,
decided by its 95 % interval (compositions redrawn). *notes* are the damage itself: shown, not
gated. A gate that the rows cannot decide is a warning, never a pass.
"""
"""Shown with the picture."""


def shortcut_audit_asset(recipe_name: str) -> dg.AssetsDefinition:
    """Return a recipe's asset of the shortcut audit."""

    @dg.asset(
        key=[recipe_name, "shortcut_audit"],
        deps=[[recipe_name, "pairs"]],
        group_name=recipe_name,
        kinds={"scikitlearn"},
        owners=["team:research"],
        automation_condition=MAKE_AGAIN_WHAT_CHANGED,
        code_version="2",
        description=(
            "A random forest on trivial statistics (noise floor, bandwidth, level, crest, file "
            "facts; note counts beside) tries to tell the tier and each score of compositions it "
            "has not met. Where the recording alone gives the tier away, models learn that."
        ),
    )
    def shortcut_audit(
        context: dg.AssetExecutionContext, project: Project
    ) -> dg.MaterializeResult[None]:
        workspace, recipe = project.workspace, find_recipe(recipe_name)
        rows = audited_rows(workspace, recipe_name)
        audit = audit_shortcuts(rows, seed=recipe.seed)
        path = audit_file(workspace, recipe_name)
        write_json(path, shortcut_json(audit, recipe_name, recipe.gates))
        context.log.info(audit.gate.reason)
        return dg.MaterializeResult(
            metadata={
                "rows": len(rows),
                "compositions": audit.compositions,
                "verdict": audit.gate.verdict,
                "because": audit.gate.reason,
                **{
                    f"balanced accuracy of {probe.statistics}": probe.balanced_accuracy
                    for probe in audit.tiers
                },
                "scores": records_metadata(
                    [
                        {"statistics": one.statistics, "score": one.dimension, "r": one.r,
                         "R²": one.r2}
                        for one in audit.scores
                    ]
                ),
                "probes": picture(audit),
                "how it is judged": dg.MetadataValue.md(METHOD),
                "json": dg.MetadataValue.path(path),
            }
        )  # fmt: skip

    return shortcut_audit


def audit_file(workspace: Workspace, recipe_name: str) -> Path:
    """Return where a recipe's audit lies."""
    return workspace.output(recipe_name, "shortcut_audit") / "shortcut_audit.json"


def read_shortcut_audit(workspace: Workspace, recipe_name: str) -> dict[str, Any]:
    """Return a recipe's audit (see `audits.audit_json`); UserError without one."""
    path = audit_file(workspace, recipe_name)
    if not path.exists():
        raise UserError(
            f"{path} is missing; expected the shortcut audit: materialise shortcut_audit"
        )
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def audited_rows(workspace: Workspace, recipe_name: str) -> pd.DataFrame:
    """Return the statistics of up to `MOST_ROWS` rows, evenly over the corpus, by name.

    Rows of counterfactual sets are no draws of the recipe: they are left out, as are duplicates.
    """
    of_draws = pc.field("split").isin(SPLITS) & DISTINCT
    pairs = workspace.table(recipe_name, "pairs")
    light = read_table(pairs).to_table(columns=["sample_id", "tier", "year"], filter=of_draws)
    light = light.sort_by("sample_id")
    chosen = light.take(list(evenly_spaced(len(light), MOST_ROWS))).to_pandas()
    if chosen.empty:
        raise UserError(f"the pairs of {recipe_name} have no rows; expected some: materialise them")
    first = pc.field("sample_id") == chosen["sample_id"].iloc[0]
    instrument = read_table(pairs).to_table(columns=["instrument"], filter=first)["instrument"]

    def tasks() -> Iterator[tuple[int, StatisticsTask]]:
        for (tier, year), some in chosen.groupby(["tier", "year"]):
            for start in range(0, len(some), TASK_ROWS):
                yield (
                    start,
                    StatisticsTask(
                        pairs=pairs,
                        tier=str(tier),
                        year=int(year),
                        sample_ids=tuple(some["sample_id"].iloc[start : start + TASK_ROWS]),
                        instrument=Instrument.model_validate_json(instrument[0].as_py()),
                        corpus_root=workspace.settings.corpus_root,
                    ),
                )

    found = [rows for *_, rows in run_tasks(read_statistics, tasks(), workspace.settings.workers)]
    return pd.concat(found).sort_values("sample_id", ignore_index=True)


def audit_shortcuts(rows: pd.DataFrame, *, seed: int) -> ShortcutAudit:
    """Return what trivial statistics tell of rows (see `read_statistics`) of tier and scores."""
    tiers, compositions = rows["tier"].tolist(), rows["composition"].tolist()
    scores = rows[list(DIMENSIONS)]
    counts = {tier: tiers.count(tier) for tier in TIERS if tier in tiers}
    if len(counts) < 2 or len(set(compositions)) < 2:
        return ShortcutAudit(
            counts=counts,
            compositions=len(set(compositions)),
            gate=unprobed_gate(compositions),
            tiers=(),
            scores=(),
        )
    sets = {kind: rows.filter(regex=f"^{kind}_") for kind in SETS}
    sets = {kind: statistics for kind, statistics in sets.items() if not statistics.empty}
    guesses = {
        kind: guess_tiers(statistics, tiers, compositions, seed=seed)
        for kind, statistics in sets.items()
    }
    return ShortcutAudit(
        counts=counts,
        compositions=len(set(compositions)),
        gate=shortcut_gate(
            guesses["heard"], guesses["dry"], guesses.get("drawn"), tiers, compositions, seed=seed
        ),
        tiers=tuple(
            probe_tiers(kind, guess, tiers, compositions, seed=seed)
            for kind, guess in guesses.items()
        ),
        scores=tuple(
            probe
            for kind, statistics in sets.items()
            for probe in probe_scores(
                kind, guess_scores(statistics, scores, compositions, seed=seed), scores
            )
        ),
    )


def picture(audit: ShortcutAudit) -> dg.MarkdownMetadataValue:
    """Return the probes as a picture in the metadata; words where nothing could be probed."""
    if not audit.tiers:
        return dg.MetadataValue.md(audit.gate.reason)
    chance = 1 / len(audit.counts)
    png = probes_picture(
        audit.tiers, chance, gate_limit(audit.tiers, chance), f"{audit.gate.verdict}: "
        f"{audit.gate.reason}",
    )  # fmt: skip
    words = ", ".join(f"{one.statistics} {one.balanced_accuracy:.3f}" for one in audit.tiers)
    return dg.MetadataValue.md(as_markdown(png, f"balanced accuracy of probes: {words}"))


def gate_limit(probes: tuple[TierProbe, ...], chance: float) -> float:
    """Return the balanced accuracy that `heard` may reach."""
    control = next(probe for probe in probes if probe.statistics == "dry")
    return max(chance, control.balanced_accuracy) + LIMIT.number
