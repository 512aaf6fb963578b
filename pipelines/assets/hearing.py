"""Pretraining of the note detector on a recipe's sound: the ears of its audio models."""

from dataclasses import asdict
from typing import Any

import dagster as dg

from degradation.errors import UserError
from models.config.experiment import ExperimentConfig
from models.hearing.trained import TrainedDetector
from models.training.hearing.result import (
    HEARING_PRETRAINING_VERSION,
    NAME,
    HearingEpoch,
    HearingResult,
    load_hearing,
)
from models.training.record import TrainingData
from pipelines.assets.accounted import accounted
from pipelines.metadata import curves_metadata, defined, epochs_metadata, records_metadata
from pipelines.partitions import CORPORA, tables_of
from pipelines.resources import Project
from pipelines.workspace import Workspace
from storage.versions import find_version


def hearing_asset(recipe_name: str) -> dg.AssetsDefinition:
    """Return a recipe's asset of the pretrained note detector."""
    key = dg.AssetKey([recipe_name, NAME])

    @dg.asset(
        key=key,
        deps=tables_of(recipe_name, "pairs"),
        partitions_def=CORPORA,
        group_name=f"{recipe_name}_models",
        kinds={"torch", "lightning"},
        owners=["team:research"],
        code_version=HEARING_PRETRAINING_VERSION,
        pool="gpu",
        description=(
            "The note detector that audio models listen through: onset, sounding, velocity and "
            "pedal of 88 keys, learnt from the shards' sound and the notes behind it. Resumes at "
            "its last epoch; skipped where the experiment file's `hearing` is null. Kept when the "
            "pairs change: delete its folder to have it learn from them."
        ),
    )
    @accounted
    def audio_pretrain(
        context: dg.AssetExecutionContext, project: Project
    ) -> dg.MaterializeResult[None]:
        from models.training.hearing.clips import ClipTable
        from models.training.hearing.train import pretrain_hearing

        workspace = project.workspace(context.partition_key)
        config = workspace.experiment_config()
        if config.hearing is None:
            context.log.info(f"{NAME}: off (null); audio models read audio features alone")
            return dg.MaterializeResult(metadata={"hearing": "off: see the experiment file"})
        table = workspace.table(recipe_name, "pairs")
        found = find_version(table)

        def on_epoch(record: HearingEpoch) -> None:
            context.log_event(
                dg.AssetObservation(
                    key, partition=context.partition_key, metadata=curves_metadata(record)
                )
            )

        with workspace.write(workspace.hearing_folder(recipe_name)) as folder:
            result = pretrain_hearing(
                config,
                ClipTable(table=table, version=found.version),
                folder,
                data=TrainingData(
                    corpus=workspace.corpus.name, tables={"pairs": found}, recipe=recipe_name
                ),
                log=context.log.info,
                on_epoch=on_epoch,
            )
        return dg.MaterializeResult(
            metadata=hearing_metadata(result), data_version=dg.DataVersion(result.trained.weights)
        )

    return audio_pretrain


def find_detector(
    workspace: Workspace, recipe_name: str, config: ExperimentConfig
) -> TrainedDetector | None:
    """Return the detector that audio models listen through; None where `config` has none.

    Raises UserError when there is none, or one of other sizes.
    """
    hearing = config.hearing
    if hearing is None:
        return None
    folder = workspace.fetch(workspace.hearing_folder(recipe_name))
    trained = load_hearing(folder).trained
    if trained.config != hearing.detector:
        raise UserError(
            f"the note detector in {folder} has {trained.config}; expected {hearing.detector}, the "
            f"experiment file's: materialise {NAME} again"
        )
    return trained


def hearing_metadata(result: HearingResult) -> dict[str, Any]:
    """Return the best epoch's figures, as recorded and clean, and a table of all epochs."""
    best = result.best
    heard = {"as recorded": best.recorded, "clean": best.clean}
    return {
        "onset F1": defined(best.recorded.onset_f1),
        "onset F1, clean": defined(best.clean.onset_f1),
        "best epoch": best.epoch,
        "parameters": result.parameters,
        "seconds": defined(result.seconds),
        "checkpoint": dg.MetadataValue.path(result.checkpoint),
        "heard on the validation split": records_metadata(
            [{"sound": sound, **asdict(scores)} for sound, scores in heard.items()]
        ),
        "epochs": epochs_metadata(result.epochs),
    }
