"""How well models grade notes that Transkun transcribes from the test rows' audio."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np
import pyarrow.compute as pc

from degradation.errors import UserError
from labeling.scores import DIMENSIONS
from models.config.experiment import EXPERIMENTS, MODALITIES, Experiment
from models.evaluation.audits.documents import TranscribedSplit, TranscriptionAudit
from models.inference.model_choice import best_model
from models.training.result import TrainingResult
from pipelines.assets.accounted import accounted
from pipelines.assets.training import LabelledExamples, find_result, read_examples
from pipelines.documents import write_audit
from pipelines.metadata import records_metadata
from pipelines.partitions import CORPORA, tables_of
from pipelines.resources import Project
from pipelines.settings import find_recipe
from pipelines.workspace import Workspace
from storage.audio import decode_audio
from storage.midi import read_midi
from storage.tables import read_table

if TYPE_CHECKING:
    from models.inference.transcriber import Transcriber


SETS = ("test", "test_counterfactual")
"""The splits that are judged; a recipe without counterfactual rows has the first alone."""


def transcription_asset(recipe_name: str) -> dg.AssetsDefinition:
    """Return a recipe's asset of what transcription costs."""

    @dg.asset(
        key=[recipe_name, "transcription"],
        deps=[
            *tables_of(recipe_name, "pairs", "samples"),
            *([recipe_name, name] for name in EXPERIMENTS),
        ],
        partitions_def=CORPORA,
        group_name=f"{recipe_name}_models",
        kinds={"torch", "midi"},
        owners=["team:research"],
        code_version="5",
        pool="gpu",
        description=(
            "Grades of notes that Transkun transcribes from the audio, beside grades of the true "
            "notes and of the audio, on the same test rows; and how well the notes were found. "
            "Transcriptions are kept. Needs the extra `transcription`."
        ),
    )
    @accounted
    def transcription(
        context: dg.AssetExecutionContext, project: Project
    ) -> dg.MaterializeResult[None]:
        from models.inference.transcriber import load_transcriber

        workspace = project.workspace(context.partition_key)
        try:
            transcriber = load_transcriber(workspace.experiment_config().torch_threads)
        except UserError as error:  # an extra that is missing must not end a run
            with workspace.write(workspace.output(recipe_name, "transcription")) as folder:
                for kind in ("json", "html"):
                    (folder / f"transcription.{kind}").unlink(missing_ok=True)
            return dg.MaterializeResult(metadata={"left out": str(error)})
        audit = judge_transcription(workspace, recipe_name, transcriber)
        made = write_audit(workspace, recipe_name, audit)
        return dg.MaterializeResult(metadata=made | transcription_metadata(audit))

    return transcription


def judge_transcription(
    workspace: Workspace, recipe_name: str, transcriber: "Transcriber"
) -> TranscriptionAudit:
    """Return the comparison; settings limit the rows and the time."""

    from models.evaluation.audits.transcription import spread_rows

    data = read_examples(workspace, recipe_name)
    results = compared_models(workspace, recipe_name, data)
    rows = workspace.settings.transcription_rows
    return TranscriptionAudit(
        transcriber=transcriber.name,
        models={name: result.identity for name, result in results.items()},
        splits={
            split: _judge_split(workspace, recipe_name, transcriber, data, split, asked, results)
            for split in SETS
            if (asked := spread_rows(data.samples, split, rows))
        },
    )


def compared_models(
    workspace: Workspace, recipe_name: str, data: LabelledExamples
) -> dict[Experiment, TrainingResult]:
    """Return the trainings of the audio model, the MIDI model and the best fusion model.

    Raises UserError for a model that was not trained on these data with these settings.
    """
    results: dict[Experiment, TrainingResult] = {
        name: find_result(workspace, recipe_name, name, data)
        for name in workspace.experiment_config().experiments
    }
    fusions = [name for name in results if len(MODALITIES[name]) > 1]
    best = best_model({name: results[name].best.val_r for name in fusions}) if fusions else None
    return {name: result for name, result in results.items() if name == best or name not in fusions}


def _judge_split(
    workspace: Workspace,
    recipe_name: str,
    transcriber: "Transcriber",
    data: LabelledExamples,
    split: str,
    asked: list[str],
    results: dict[Experiment, TrainingResult],
) -> TranscribedSplit:
    from models.evaluation.audits.transcribed_rows import TranscribedRow, judge_rows
    from models.evaluation.audits.transcription import (
        onset_figures,
        system_gains,
        system_scores,
    )
    from models.inference.transcription_cache import transcribe_clips

    media = _read_media(workspace, recipe_name, asked)
    audio = {name: media[name]["audio"]["bytes"] for name in asked}
    budget_s = workspace.settings.transcription_budget_s
    with workspace.write(workspace.output(recipe_name, "transcription/notes")) as kept:
        clips = list(transcribe_clips(audio, transcriber, kept, budget_s))
    about = data.samples.set_index("sample_id").to_dict("index")
    rows = [
        TranscribedRow(
            sample_id=clip.sample_id,
            composition=about[clip.sample_id]["composition"],
            tier=about[clip.sample_id]["tier"],
            duration_s=media[clip.sample_id]["duration_s"],
            labels=np.array([about[clip.sample_id][name] for name in DIMENSIONS], np.float64),
            sound=decode_audio(audio[clip.sample_id], clip.sample_id),
            played=read_midi(media[clip.sample_id]["midi"]["bytes"], clip.sample_id),
            found=read_midi(clip.midi, f"the transcription of {clip.sample_id}"),
        )
        for clip in clips
        if clip.midi
    ]
    folders = {name: workspace.model_folder(recipe_name, name) for name in results}
    judged = judge_rows(rows, folders, workspace.experiment_config())
    seed = find_recipe(recipe_name).seed
    return TranscribedSplit(
        rows_in_split=int((data.samples["split"] == split).sum()),
        rows_asked=len(asked),
        rows_without_notes=len(clips) - len(rows),
        rows=len(judged),
        compositions=len({row.composition for row in judged}),
        onsets=onset_figures(judged),
        f1_by_tier={
            tier: float(np.mean([row.match.f1 for row in judged if row.tier == tier]))
            for tier in dict.fromkeys(row.tier for row in judged)
        },
        systems=system_scores(judged, seed=seed),
        gains=system_gains(judged, seed=seed),
    )


def _read_media(
    workspace: Workspace, recipe_name: str, sample_ids: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return the stored sound and notes of samples, by id."""
    rows = read_table(workspace.table(recipe_name, "pairs")).to_table(
        columns=["sample_id", "duration_s", "midi", "audio"],
        filter=pc.field("sample_id").isin(list(sample_ids)),
    )
    return {row["sample_id"]: row for row in rows.to_pylist()}


def transcription_metadata(audit: TranscriptionAudit) -> dict[str, Any]:
    """Return what Dagster shows of the comparison; the report has the rest."""
    return {
        "transcriber": audit.transcriber,
        "rows": sum(found.rows for found in audit.splits.values()),
        "systems": records_metadata(
            [
                {
                    "split": split,
                    "system": one.system.name,
                    "mean r": one.agreement.mean_r,
                    "mean MAE": one.agreement.mean_mae,
                }
                for split, found in audit.splits.items()
                for one in found.systems
            ]
        ),
        "rows out of time": sum(found.rows_out_of_time for found in audit.splits.values()),
    }
