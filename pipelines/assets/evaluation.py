"""Evaluation: what the models learnt, judged on music they have not seen."""

import json

import dagster as dg

from degradation.recipe import TIERS, Recipe
from models.config import EXPERIMENTS
from models.evaluation.ceilings import TierScores
from models.evaluation.report import write_report
from models.evaluation.summary import Evaluation, Outcome
from models.predict import predict
from models.result import load_result
from pipelines.assets.training import feature_parts, read_labels
from pipelines.metadata import records_metadata
from pipelines.resources import Project
from pipelines.settings import find_recipe

JUDGED_SPLIT = "test"


def evaluation_asset(recipe_name: str) -> dg.AssetsDefinition:
    """Return a recipe's asset of its report."""

    @dg.asset(
        key=[recipe_name, "evaluation"],
        deps=[[recipe_name, experiment] for experiment in EXPERIMENTS],
        group_name=f"{recipe_name}_models",
        kinds={"html"},
        owners=["team:research"],
        code_version="1",
        description=(
            "The report: mean and per-dimension r and MAE on held-out compositions, beside what "
            "the labels allow at best. HTML, and the same numbers as JSON."
        ),
    )
    def evaluation(
        context: dg.AssetExecutionContext, project: Project
    ) -> dg.MaterializeResult[None]:
        workspace, recipe = project.workspace, find_recipe(recipe_name)
        samples = read_labels(workspace, recipe_name)
        parts = feature_parts(workspace, recipe_name)
        folders = [
            workspace.output(recipe_name, f"models/{experiment}")
            for experiment in project.settings.experiment_config().experiments
        ]
        paths = write_report(
            Evaluation(
                recipe=recipe_name,
                audio_source=recipe.audio_source,
                corpus=project.settings.corpus_name,
                licence=project.settings.corpus_licence,
                samples=samples,
                split=JUDGED_SPLIT,
                tiers=tier_scores(recipe),
                outcomes=tuple(
                    Outcome(
                        training=load_result(folder),
                        predictions=predict(folder, parts, samples, JUDGED_SPLIT),
                    )
                    for folder in folders
                ),
                seed=recipe.seed,
            ),
            workspace.output(recipe_name, "evaluation"),
        )
        context.log.info(f"report: {paths.html}")
        report = json.loads(paths.json.read_text(encoding="utf-8"))
        ceiling = report["ceiling"]["on_these_samples"]
        shown = ("name", "mean_r", "mean_mae", "share_of_ceiling_r", "within_tier_r")
        return dg.MaterializeResult(
            metadata={
                "report": dg.MetadataValue.url(paths.html.as_uri()),
                "json": dg.MetadataValue.path(paths.json),
                "label ceiling r": ceiling["mean_r"],
                "label ceiling MAE": ceiling["mean_mae"],
                "baseline MAE": report["baseline"]["mean_mae"],
                "experiments": records_metadata(
                    [{name: found[name] for name in shown} for found in report["experiments"]]
                ),
            }
        )

    return evaluation


def tier_scores(recipe: Recipe) -> tuple[TierScores, ...]:
    """Return each tier's share and score range, best first."""
    return tuple(
        TierScores(
            name=tier,
            probability=recipe.tiers[tier].probability,
            low=recipe.tiers[tier].scores[0],
            high=recipe.tiers[tier].scores[1],
        )
        for tier in TIERS
    )
