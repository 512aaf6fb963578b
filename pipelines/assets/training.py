"""Experiments: each trains one model on the features and the scores of the samples."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow.dataset as pads

from labeling.scores import DIMENSIONS
from models.config.experiment import (
    ENCODES_NOTES,
    EXPERIMENTS,
    MODALITIES,
    Experiment,
    ExperimentConfig,
    Modality,
)
from models.hearing.trained import TrainedDetector
from models.inputs.feature_reader import ExampleParts
from models.inputs.feature_writer import check_parts, example_parts
from models.training.history import EpochRecord
from models.training.identity import MODEL_VERSION, training_identity
from models.training.pretraining.result import load_pretraining
from models.training.record import TrainingData
from models.training.result import TrainingResult, load_result
from pipelines.assets.accounted import accounted
from pipelines.assets.hearing import find_detector
from pipelines.assets.pretraining import KEY, pretrained_folder
from pipelines.metadata import curves_metadata, defined, epochs_metadata
from pipelines.partitions import CORPORA, tables_of
from pipelines.resources import Project
from pipelines.workspace import Workspace
from storage.derived import by_folder, samples_path
from storage.schema import DISTINCT
from storage.tables import data_file_rows, read_table
from storage.versions import TableVersion, find_version

LABELS = ["sample_id", "segment_id", "split", "tier", "composition", *DIMENSIONS]
READ = ("pairs", "samples", "audio_features", "midi_tokens")
"""Tables that features and scores are read from."""

COUNTERFACTUAL = ["family", "varied", "varied_severity_jnd"]
"""Columns that describe counterfactual rows; null in all others."""


def training_assets(recipe_name: str) -> list[dg.AssetsDefinition]:
    """Return a recipe's experiments, one asset each."""
    return [training_asset(recipe_name, experiment) for experiment in EXPERIMENTS]


def training_asset(recipe_name: str, experiment: Experiment) -> dg.AssetsDefinition:
    """Return the asset of one experiment of a recipe."""

    @dg.asset(
        key=[recipe_name, experiment],
        deps=made_from(recipe_name, experiment),
        partitions_def=CORPORA,
        group_name=f"{recipe_name}_models",
        kinds={"torch", "lightning"},
        owners=["team:research"],
        code_version=MODEL_VERSION,
        pool="gpu",
        description=(
            f"Experiment `{experiment}`: eight scores from ten seconds of playing. Resumes "
            "at its last epoch after an interruption."
        ),
    )
    @accounted
    def trained(context: dg.AssetExecutionContext, project: Project) -> dg.MaterializeResult[None]:
        from models.training.train import train

        workspace = project.workspace(context.partition_key)
        data = read_examples(workspace, recipe_name)

        def on_epoch(record: EpochRecord) -> None:
            # The UI plots observations while the training runs.
            context.log_event(
                dg.AssetObservation(
                    [recipe_name, experiment],
                    partition=context.partition_key,
                    metadata=curves_metadata(record),
                )
            )

        with workspace.write(workspace.model_folder(recipe_name, experiment)) as folder:
            result = train(
                experiment,
                workspace.experiment_config(),
                data.parts,
                data.samples,
                folder,
                pretrained_dir=start_of(workspace, experiment),
                data=data.read,
                log=context.log.info,
                on_epoch=on_epoch,
            )
        return dg.MaterializeResult(metadata=training_metadata(result, data.read))

    return trained


def made_from(recipe_name: str, experiment: Experiment) -> list[dg.AssetDep]:
    """Return the assets that an experiment reads, and the audits that can stop it."""
    features = {"audio": "audio_features", "midi": "midi_tokens"}
    read = ["samples", *(features[modality] for modality in sorted(MODALITIES[experiment]))]
    audits = [dg.AssetDep([recipe_name, name]) for name in ("label_structure", "shortcut_audit")]
    start = [dg.AssetDep(KEY)] if experiment in ENCODES_NOTES else []
    return [*tables_of(recipe_name, *read), *audits, *start]


def start_of(workspace: Workspace, experiment: Experiment) -> Path | None:
    """Return the pretrained encoder that an experiment starts from, None for random weights."""
    return pretrained_folder(workspace) if experiment in ENCODES_NOTES else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledExamples:
    """Features and scores, all from one version of each table, and which that is."""

    parts: ExampleParts
    samples: pd.DataFrame
    read: TrainingData


def read_examples(workspace: Workspace, recipe_name: str) -> LabelledExamples:
    """Return the newest features and scores, made by the corpus's experiment file.

    Raises UserError when samples or features do not belong to the newest pairs.
    """
    config = workspace.experiment_config()
    return read_versions(
        workspace,
        recipe_name,
        config,
        {name: find_version(workspace.table(recipe_name, name)) for name in READ},
        find_detector(workspace, recipe_name, config),
    )


def read_versions(
    workspace: Workspace,
    recipe_name: str,
    config: ExperimentConfig,
    versions: Mapping[str, TableVersion],
    detector: TrainedDetector | None,
    modalities: Collection[Modality] = frozenset({"audio", "midi"}),
) -> LabelledExamples:
    """Return the features and scores of these versions of `READ`, with what `detector` heard.

    Rows that repeat another's sound and notes are left out: they have no features, and would
    narrow intervals. Raises UserError when samples or features do not belong to these pairs.
    """
    tables = {name: workspace.table(recipe_name, name) for name in READ}
    numbers = {name: one.version for name, one in versions.items()}
    pairs, samples = tables["pairs"], tables["samples"]
    paths = list(data_file_rows(pairs, numbers["pairs"]))
    labelled = [samples_path(held) for held in by_folder(paths)]
    check_parts(samples, labelled, data_file_rows(samples, numbers["samples"]))
    rows = read_table(samples, numbers["samples"])
    # Tables from before there were counterfactual rows lack these columns.
    columns = LABELS + [name for name in COUNTERFACTUAL if name in rows.schema.names]
    return LabelledExamples(
        parts=example_parts(
            paths,
            tables["audio_features"],
            tables["midi_tokens"],
            config,
            numbers,
            detector,
            modalities,
        ),
        samples=rows.to_table(columns=columns, filter=DISTINCT).to_pandas(),
        read=TrainingData(
            corpus=workspace.corpus.name,
            tables=versions,
            recipe=recipe_name,
            recipe_digests=_recipe_digests(rows),
        ),
    )


def _recipe_digests(samples: pads.Dataset) -> dict[str, str]:
    """Return the digest of the recipe that made each tier, as the rows say."""
    rows = samples.to_table(columns=["tier", "recipe_digest"]).drop_null()
    found = rows.group_by(["tier", "recipe_digest"]).aggregate([]).to_pylist()
    return {row["tier"]: row["recipe_digest"] for row in found}


def find_result(
    workspace: Workspace, recipe_name: str, experiment: Experiment, data: LabelledExamples
) -> TrainingResult:
    """Return a model's training. Raises UserError when it used other data or settings."""
    start = start_of(workspace, experiment)
    pretrained = load_pretraining(start).identity if start else None
    config = workspace.experiment_config()
    identity = training_identity(experiment, config, data.parts, data.samples, pretrained)
    return load_result(workspace.fetch(workspace.model_folder(recipe_name, experiment)), identity)


def training_metadata(result: TrainingResult, read: TrainingData) -> dict[str, Any]:
    """Return the best epoch's figures, size and time, and a table of all epochs."""
    best = result.best
    return {
        **curves_metadata(best),
        "best epoch": best.epoch,
        "parameters": result.parameters,
        "seconds": defined(result.seconds),
        "checkpoint": dg.MetadataValue.path(result.checkpoint),
        **{f"version of {name}": table.version for name, table in read.tables.items()},
        "epochs": epochs_metadata(result.epochs),
    }
