"""All recipes side by side: one page from the reports that there are."""

from collections.abc import Sequence

import dagster as dg

from models.document import read_document
from models.evaluation.report.comparison import comparison_page
from models.evaluation.report.document import Report
from pipelines.assets.accounted import accounted
from pipelines.assets.evaluation import report_file
from pipelines.partitions import CORPORA
from pipelines.resources import Project
from pipelines.workspace import Workspace

KEY = dg.AssetKey(["recipe_comparison"])


def comparison_asset(recipe_names: Sequence[str]) -> dg.AssetsDefinition:
    """Return the asset of the page that has all recipes side by side."""

    @dg.asset(
        key=KEY,
        deps=[[name, "evaluation"] for name in recipe_names],
        partitions_def=CORPORA,
        group_name="comparison",
        kinds={"html"},
        owners=["team:research"],
        code_version="2",
        description=(
            "The models of all recipes side by side. A recipe that was not "
            "evaluated is named as missing."
        ),
    )
    @accounted
    def recipe_comparison(
        context: dg.AssetExecutionContext, project: Project
    ) -> dg.MaterializeResult[None]:
        workspace = project.workspace(context.partition_key)
        reports = read_reports(workspace, recipe_names)
        with workspace.write(workspace.outputs / "recipe_comparison") as folder:
            path = folder / "comparison.html"
            path.write_text(comparison_page(reports), encoding="utf-8")
        return dg.MaterializeResult(
            metadata={
                "page": dg.MetadataValue.url(project.settings.link(path)),
                "recipes": ", ".join(name for name, report in reports.items() if report),
                "missing": ", ".join(name for name, report in reports.items() if not report),
            }
        )

    return recipe_comparison


def read_reports(workspace: Workspace, recipe_names: Sequence[str]) -> dict[str, Report | None]:
    """Return each recipe's report, None where there is none."""
    paths = {name: report_file(workspace, name) for name in recipe_names}
    return {
        name: read_document(path, Report) if path.exists() else None for name, path in paths.items()
    }
