"""Experiments: each trains one model on the features and the scores of the samples."""

import math
from typing import Any

import dagster as dg
import pandas as pd

from labeling.scores import DIMENSIONS
from models.config import EXPERIMENTS, Experiment
from models.feature_parts import example_parts
from models.parts import ExampleParts
from models.train import TrainingResult, train
from pipelines.metadata import records_metadata
from pipelines.resources import Project
from pipelines.workspace import Workspace
from storage.tables import open_table, part_rows, read_table

LABELS = ["sample_id", "segment_id", "split", "tier", "composition", *DIMENSIONS]


def training_assets(recipe_name: str) -> list[dg.AssetsDefinition]:
    """Return a recipe's experiments, an asset each."""

    def training_asset(experiment: Experiment) -> dg.AssetsDefinition:
        @dg.asset(
            key=[recipe_name, experiment],
            deps=[[recipe_name, name] for name in ("samples", "audio_features", "midi_tokens")],
            group_name=f"{recipe_name}_models",
            kinds={"torch", "lightning"},
            owners=["team:research"],
            code_version="1",
            pool="gpu",
            description=(
                f"Experiment `{experiment}`: eight scores from ten seconds of playing. Goes on "
                "from its last epoch when it was interrupted."
            ),
        )
        def trained(
            context: dg.AssetExecutionContext, project: Project
        ) -> dg.MaterializeResult[None]:
            workspace = project.workspace
            result = train(
                experiment,
                project.settings.experiment_config(),
                feature_parts(workspace, recipe_name),
                read_labels(workspace, recipe_name),
                workspace.output(recipe_name, f"models/{experiment}"),
                log=context.log.info,
            )
            return dg.MaterializeResult(metadata=training_metadata(result, workspace, recipe_name))

        return trained

    return [training_asset(experiment) for experiment in EXPERIMENTS]


def read_labels(workspace: Workspace, recipe_name: str) -> pd.DataFrame:
    """Return the names, splits, tiers and scores of every sample."""
    table = read_table(workspace.table(recipe_name, "samples"))
    labels: pd.DataFrame = table.to_table(columns=LABELS).to_pandas()
    return labels


def feature_parts(workspace: Workspace, recipe_name: str) -> ExampleParts:
    """Return the features of the shards' version of this moment, which a training holds on to."""
    return example_parts(
        list(part_rows(workspace.table(recipe_name, "pairs"))),
        workspace.table(recipe_name, "audio_features"),
        workspace.table(recipe_name, "midi_tokens"),
        workspace.settings.experiment_config().mel,
    )


def training_metadata(
    result: TrainingResult, workspace: Workspace, recipe_name: str
) -> dict[str, Any]:
    """Return the best epoch's figures, the size and time, and every epoch as a table."""
    best = result.best
    epochs = [
        {
            "epoch": record.epoch,
            "train loss": record.train_loss,
            "validation loss": record.val_loss,
            "validation r": record.val_r,
            "validation MAE": record.val_mae,
            "gate mean": record.gate_mean,
            "samples a second": record.samples_per_s,
        }
        for record in result.history
    ]
    return {
        "validation r": None if math.isnan(best.val_r) else best.val_r,
        "validation MAE": best.val_mae,
        "validation loss": best.val_loss,
        "best epoch": best.epoch,
        "parameters": result.parameters,
        "seconds": result.seconds,
        "checkpoint": dg.MetadataValue.path(result.checkpoint),
        "version of pairs": int(open_table(workspace.table(recipe_name, "pairs")).version()),
        "epochs": records_metadata(epochs),
    }
