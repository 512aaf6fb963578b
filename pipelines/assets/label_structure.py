"""Whether a recipe's eight labels are eight, and how well they could be known."""

from collections.abc import Iterator
from dataclasses import fields

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
from pipelines.assets.evaluation import tier_scores
from pipelines.automation import REMATERIALIZE_ON_CHANGE
from pipelines.documents import write_made
from pipelines.evenly_spaced import evenly_spaced
from pipelines.metadata import records_metadata
from pipelines.resources import Project
from pipelines.settings import find_recipe
from storage.corpus import SPLITS
from storage.schema import DISTINCT
from storage.tables import Table, read_table

MOST_ORACLE_ROWS = 4000
"""More rows do not change what measured damage can predict."""

MEASURED = tuple(field.name for field in fields(Damage))
"""The columns in which rows hold what was measured between clean and damaged."""


def label_structure_asset(recipe_name: str) -> dg.AssetsDefinition:
    """Return a recipe's asset of the structure of its labels."""

    @dg.asset(
        key=[recipe_name, "label_structure"],
        deps=[[recipe_name, "samples"]],
        group_name=recipe_name,
        kinds={"scikitlearn"},
        owners=["team:research"],
        automation_condition=REMATERIALIZE_ON_CHANGE,
        code_version="3",
        description=(
            "How alike the eight scores are (effective rank, correlations), and how well they can "
            "be known: by who knows the draw, and from the damage as measured."
        ),
    )
    def label_structure(
        context: dg.AssetExecutionContext, project: Project
    ) -> dg.MaterializeResult[None]:
        from pipelines.pictures.audits import correlation_picture
        from pipelines.pictures.png import as_markdown

        workspace, recipe = project.workspace, find_recipe(recipe_name)
        audit = audit_labels(workspace.table(recipe_name, "samples"), recipe)
        path = write_made(workspace, recipe_name, "label_structure", audit)
        shape = audit.shape
        because = "; ".join(map(describe, shape.thresholds))
        context.log.info(because)
        return dg.MaterializeResult(
            metadata={
                "rows": shape.rows,
                "compositions": audit.compositions,
                **{found.threshold.name: found.value for found in shape.thresholds},
                "correlate most": " and ".join(shape.pair or ("no two",)),
                "constant": ", ".join(shape.constant) or "none",
                "because": because,
                "ceilings": records_metadata(ceiling_rows(audit)),
                "correlations": dg.MetadataValue.md(
                    as_markdown(correlation_picture(shape), "correlations of the eight scores")
                ),
                "json": dg.MetadataValue.path(path),
            }
        )

    return label_structure


def audit_labels(samples: Table, recipe: Recipe) -> LabelStructure:
    """Return the shape of the labels over all rows, read batch by batch, and their ceilings.

    Rows of counterfactual sets are not drawn by the recipe: they are left out, as are those that
    repeat another row's sound and notes.
    """

    from models.evaluation.ceilings.observable_ceiling import analytic_ceilings, observable_ceilings

    of_draws = pc.field("split").isin(SPLITS) & DISTINCT

    def batches() -> Iterator[pd.DataFrame]:
        columns = ["composition", *DIMENSIONS]
        for batch in read_table(samples).to_batches(columns=columns, filter=of_draws):
            yield batch.to_pandas()

    sums = sum_scores(batches())
    if not sums.counts:
        raise UserError(f"the samples of {recipe.name} have no rows; expected some: make pairs")
    some = oracle_rows(samples)
    measured = [name for name in MEASURED if some[name].notna().any()]
    enough = measured and some["composition"].nunique() > 1
    return LabelStructure(
        recipe=recipe.name,
        compositions=len(sums.counts),
        shape=label_shape(sums),
        analytic=tuple(analytic_ceilings(tier_scores(recipe) if recipe.kind == "tiered" else None)),
        observable=tuple(observable_ceilings(some, measured, seed=recipe.seed)) if enough else (),
        measured=tuple(measured),
        oracle_rows=len(some),
    )


def oracle_rows(samples: Table) -> pd.DataFrame:
    """Return measured damage and scores of up to `MOST_ORACLE_ROWS` rows, evenly by name."""
    of_draws = pc.field("split").isin(SPLITS) & DISTINCT
    names = read_table(samples).to_table(columns=["sample_id"], filter=of_draws)["sample_id"].sort()
    columns = ["sample_id", "composition", *DIMENSIONS, *MEASURED]
    chosen = pc.field("sample_id").isin(
        names.take(list(evenly_spaced(len(names), MOST_ORACLE_ROWS)))
    )
    rows = read_table(samples).to_table(columns=columns, filter=chosen).sort_by("sample_id")
    found: pd.DataFrame = rows.to_pandas()
    return found


def ceiling_rows(audit: LabelStructure) -> list[dict[str, object]]:
    """Return a row a dimension: the analytic ceiling beside the observable one."""
    observable = {one.dimension: one for one in audit.observable}
    return [
        {
            "dimension": one.dimension,
            "analytic r": one.r,
            "analytic MAE": one.mae,
            "observable r": found.r if (found := observable.get(one.dimension)) else "",
            "observable R²": found.r2 if found else "",
            "observable MAE": found.mae if found else "",
        }
        for one in audit.analytic
    ]
