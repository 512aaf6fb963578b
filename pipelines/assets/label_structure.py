"""Whether a recipe's eight labels are eight, and how well measured damage predicts them."""

from collections.abc import Iterator
from dataclasses import asdict, fields

import dagster as dg
import pandas as pd
import pyarrow.compute as pc

from degradation.errors import UserError
from degradation.recipe import Recipe
from labeling.damage import Damage
from labeling.scores import DIMENSIONS
from models.evaluation.audits.documents import LabelStructure
from models.evaluation.audits.label_structure import label_shape, sum_scores
from models.evaluation.audits.thresholds import describe
from pipelines.assets.accounted import accounted
from pipelines.automation import REMATERIALIZE_ON_CHANGE
from pipelines.documents import write_audit
from pipelines.evenly_spaced import evenly_spaced
from pipelines.metadata import defined, records_metadata
from pipelines.partitions import CORPORA, tables_of
from pipelines.resources import Project
from pipelines.settings import find_recipe
from storage.corpus import SPLITS
from storage.schema import DISTINCT
from storage.tables import Table, read_table

OF_RECIPE = pc.field("split").isin(SPLITS) & DISTINCT
"""Rows drawn by the recipe, each sound once: no counterfactual sets, no duplicates."""

MOST_ORACLE_ROWS = 4000
"""More rows do not change how well measured damage predicts."""

MEASURED = tuple(field.name for field in fields(Damage))
"""The columns in which rows hold what was measured between clean and damaged."""


def label_structure_asset(recipe_name: str) -> dg.AssetsDefinition:
    """Return a recipe's asset of the structure of its labels."""

    @dg.asset(
        key=[recipe_name, "label_structure"],
        deps=tables_of(recipe_name, "samples"),
        partitions_def=CORPORA,
        group_name=recipe_name,
        kinds={"scikitlearn"},
        owners=["team:research"],
        automation_condition=REMATERIALIZE_ON_CHANGE,
        code_version="5",
        description=(
            "How alike the eight scores are (effective rank, correlations), and how well the "
            "measured damage predicts them."
        ),
    )
    @accounted
    def label_structure(
        context: dg.AssetExecutionContext, project: Project
    ) -> dg.MaterializeResult[None]:
        workspace, recipe = project.workspace(context.partition_key), find_recipe(recipe_name)
        audit = audit_labels(workspace.table(recipe_name, "samples"), recipe)
        made = write_audit(workspace, recipe_name, audit)
        shape = audit.shape
        because = "; ".join(map(describe, shape.thresholds))
        context.log.info(f"{recipe_name}/label_structure: {because}")
        return dg.MaterializeResult(
            metadata={
                **made,
                "rows": shape.rows,
                **{found.threshold.name: defined(found.value) for found in shape.thresholds},
                "correlate most": " and ".join(shape.pair or ("no two",)),
                "constant": ", ".join(shape.constant) or "none",
                "because": because,
                "observable ceilings": records_metadata(list(map(asdict, audit.observable))),
                "correlations": records_metadata(
                    [
                        {"dimension": name, **dict(zip(DIMENSIONS, row, strict=True))}
                        for name, row in zip(DIMENSIONS, shape.correlation, strict=True)
                    ]
                ),
            }
        )

    return label_structure


def audit_labels(samples: Table, recipe: Recipe) -> LabelStructure:
    """Return the shape of the labels over all rows, read batch by batch, and their ceilings."""

    from models.evaluation.ceilings.observable_ceiling import observable_ceilings

    def batches() -> Iterator[pd.DataFrame]:
        columns = ["composition", *DIMENSIONS]
        for batch in read_table(samples).to_batches(columns=columns, filter=OF_RECIPE):
            yield batch.to_pandas()

    sums = sum_scores(batches())
    if not sums:
        raise UserError(f"the samples of {recipe.name} have no rows; expected some: make pairs")
    some = oracle_rows(samples)
    measured = [name for name in MEASURED if some[name].notna().any()]
    enough = measured and some["composition"].nunique() > 1
    return LabelStructure(
        shape=label_shape(sums),
        observable=tuple(observable_ceilings(some, measured, seed=recipe.seed)) if enough else (),
    )


def oracle_rows(samples: Table) -> pd.DataFrame:
    """Return measured damage and scores of up to `MOST_ORACLE_ROWS` rows, evenly by name."""
    table = read_table(samples)
    names = table.to_table(columns=["sample_id"], filter=OF_RECIPE)["sample_id"].sort()
    some = names.take(list(evenly_spaced(len(names), MOST_ORACLE_ROWS)))
    columns = ["sample_id", "composition", *DIMENSIONS, *MEASURED]
    rows = table.to_table(columns=columns, filter=pc.field("sample_id").isin(some))
    found: pd.DataFrame = rows.sort_by("sample_id").to_pandas()
    return found
