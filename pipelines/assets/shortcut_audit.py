"""Whether statistics that ignore the playing predict the tiers of a recipe."""

from collections.abc import Iterator
from dataclasses import asdict

import dagster as dg
import pandas as pd
import pyarrow.compute as pc

from degradation.errors import UserError
from degradation.render import Instrument
from models.evaluation.audits.documents import ShortcutAudit
from models.evaluation.audits.shortcut_rows import StatisticsTask, read_statistics
from models.evaluation.audits.thresholds import describe
from pipelines.assets.accounted import accounted
from pipelines.assets.label_structure import OF_RECIPE
from pipelines.automation import REMATERIALIZE_ON_CHANGE
from pipelines.documents import write_audit
from pipelines.evenly_spaced import evenly_spaced
from pipelines.execution.engine import run_tasks
from pipelines.metadata import defined, records_metadata
from pipelines.partitions import CORPORA, tables_of
from pipelines.resources import Project
from pipelines.settings import find_recipe
from pipelines.workspace import Workspace
from storage.tables import read_table

MOST_ROWS = 1200
"""They give a balanced accuracy to about ±.03, enough for a threshold of +.05."""

TASK_ROWS = 60


def shortcut_audit_asset(recipe_name: str) -> dg.AssetsDefinition:
    """Return a recipe's asset of the shortcut audit."""

    @dg.asset(
        key=[recipe_name, "shortcut_audit"],
        deps=tables_of(recipe_name, "pairs"),
        partitions_def=CORPORA,
        group_name=recipe_name,
        kinds={"scikitlearn"},
        owners=["team:research"],
        automation_condition=REMATERIALIZE_ON_CHANGE,
        code_version="4",
        description=(
            "A random forest tries to predict the tier and each score of compositions that it has "
            "not seen from simple statistics of the recording. Where it can, models learn those."
        ),
    )
    @accounted
    def shortcut_audit(
        context: dg.AssetExecutionContext, project: Project
    ) -> dg.MaterializeResult[None]:
        from models.evaluation.audits import shortcut_probes

        workspace = project.workspace(context.partition_key)
        rows = audited_rows(workspace, recipe_name)
        seed = find_recipe(recipe_name).seed
        audit = shortcut_probes.audit_shortcuts(rows, seed=seed)
        made = write_audit(workspace, recipe_name, audit)
        context.log.info(f"{recipe_name}/shortcut_audit: {describe(audit.threshold)}")
        return dg.MaterializeResult(
            metadata={
                **made,
                "rows": audit.rows,
                "compositions": audit.compositions,
                "verdict": audit.threshold.verdict,
                "because": describe(audit.threshold),
                **{
                    f"balanced accuracy of {probe.statistics}": defined(probe.balanced_accuracy)
                    for probe in audit.tiers
                },
                "scores": records_metadata(list(map(asdict, audit.scores))),
                "probes": picture(audit),
                "method": dg.MetadataValue.md(shortcut_probes.__doc__ or ""),
            }
        )

    return shortcut_audit


def audited_rows(workspace: Workspace, recipe_name: str) -> pd.DataFrame:
    """Return the statistics of up to `MOST_ROWS` rows, evenly over the corpus, by name."""
    pairs = workspace.table(recipe_name, "pairs")
    light = read_table(pairs).to_table(columns=["sample_id", "tier", "year"], filter=OF_RECIPE)
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
                        corpus_root=workspace.root,
                    ),
                )

    found = [rows for *_, rows in run_tasks(read_statistics, tasks(), workspace.settings.engine)]
    return pd.concat(found).sort_values("sample_id", ignore_index=True)


def picture(audit: ShortcutAudit) -> dg.MarkdownMetadataValue:
    """Return the probes as a picture; words where there are none."""

    from pipelines.pictures.audits import probes_picture
    from pipelines.pictures.png import as_markdown

    if not audit.tiers:
        return dg.MetadataValue.md(describe(audit.threshold))
    words = ", ".join(f"{one.statistics} {one.balanced_accuracy:.3f}" for one in audit.tiers)
    png = probes_picture(audit)
    return dg.MetadataValue.md(as_markdown(png, f"balanced accuracy of probes: {words}"))
