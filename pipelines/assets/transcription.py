"""Audio alone, by transcription: test rows heard by Transkun, and graded by the MIDI models."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import numpy as np
import pyarrow.compute as pc

from degradation.errors import UserError
from labeling.scores import DIMENSIONS
from models.config.experiment import EXPERIMENTS, MODALITIES, Experiment
from models.evaluation.agreement.model_comparison import rank
from models.evaluation.audits.transcribed_rows import TranscribedRow, judge_rows
from models.evaluation.audits.transcription import spread_rows, transcription_json
from models.inference.transcribed_clips import transcribe_clips
from models.inference.transcriber import Transcriber, load_transcriber
from models.training.checkpoint import write_json
from models.training.train import TrainingResult
from pipelines.assets.training import LabelledExamples, find_result, model_folder, read_examples
from pipelines.metadata import records_metadata
from pipelines.resources import Project
from pipelines.settings import find_recipe
from pipelines.workspace import Workspace, make_folder
from storage.audio import decode_audio
from storage.midi import read_midi
from storage.tables import read_table

SETS = ("test", "test_counterfactual")
"""The splits that are judged; a recipe without counterfactual rows has the first alone."""


def transcription_asset(recipe_name: str) -> dg.AssetsDefinition:
    """Return a recipe's asset of what transcription costs."""

    @dg.asset(
        key=[recipe_name, "transcription"],
        deps=[[recipe_name, name] for name in ("pairs", "samples", *EXPERIMENTS)],
        group_name=f"{recipe_name}_models",
        kinds={"torch", "midi"},
        owners=["team:research"],
        code_version="2",
        pool="gpu",
        description=(
            "Grades from audio alone by way of transcription (Transkun), beside those from true "
            "MIDI and from the audio model, on the same test rows; and how well the notes were "
            "found. Clips that were transcribed are kept. Without the extra `transcription` there "
            "is nothing to see."
        ),
    )
    def transcription(
        context: dg.AssetExecutionContext, project: Project
    ) -> dg.MaterializeResult[None]:
        workspace = project.workspace
        path = workspace.output_path(recipe_name, "transcription") / "transcription.json"
        try:
            transcriber = load_transcriber(project.settings.experiment_config().torch_threads)
        except UserError as error:  # an extra that is missing must not end a run
            path.unlink(missing_ok=True)
            return dg.MaterializeResult(metadata={"left out": str(error)})
        content = judge_transcription(workspace, recipe_name, transcriber)
        make_folder(path.parent)
        write_json(path, content)
        context.log.info(f"transcription: {path}")
        return dg.MaterializeResult(
            metadata=transcription_metadata(content) | {"json": dg.MetadataValue.path(path)}
        )

    return transcription


def judge_transcription(
    workspace: Workspace, recipe_name: str, transcriber: Transcriber
) -> dict[str, Any]:
    """Return the comparison as plain data; how many rows and how long at most, the settings say.

    - `transcriber`: Transkun's release;
    - `models`: the identity of each model's training, by experiment;
    - `sets`: for each split that has rows what `transcription_json` documents, and `rows_in_split`,
      `rows_asked`, `rows_without_notes` (nothing was found, so nothing is graded), `out_of_time`
      (the budget ended before the rows), and `real_time_factor`: seconds of work for a second of
      sound, null where every clip was kept from before.
    """
    data = read_examples(workspace, recipe_name)
    results = compared_models(workspace, recipe_name, data)
    rows = workspace.settings.transcription_rows
    return {
        "transcriber": transcriber.name,
        "models": {name: result.origin.identity for name, result in results.items()},
        "sets": {
            split: _judge_split(workspace, recipe_name, transcriber, data, split, asked, results)
            for split in SETS
            if (asked := spread_rows(data.samples, split, rows))
        },
    }


def compared_models(
    workspace: Workspace, recipe_name: str, data: LabelledExamples
) -> dict[Experiment, TrainingResult]:
    """Return the trainings of the audio model, the MIDI model and the best fusion model.

    Those that the experiment file leaves out are left out; the best is that of highest mean r on
    the validation split, as in the report (`best_of`). Raises UserError for
    a model that was not trained on these data with these settings.
    """
    results: dict[Experiment, TrainingResult] = {
        name: find_result(workspace, recipe_name, name, data)
        for name in workspace.settings.experiment_config().experiments
    }
    fusions = [name for name in results if len(MODALITIES[name]) > 1]
    best = max(fusions, key=lambda name: rank(results[name].best.val_r), default=None)
    return {name: result for name, result in results.items() if name == best or name not in fusions}


def _judge_split(
    workspace: Workspace,
    recipe_name: str,
    transcriber: Transcriber,
    data: LabelledExamples,
    split: str,
    asked: list[str],
    results: dict[Experiment, TrainingResult],
) -> dict[str, Any]:
    media = _read_media(workspace, recipe_name, asked)
    audio = {name: media[name]["audio"]["bytes"] for name in asked}
    kept = workspace.output(recipe_name, "transcription/notes")
    clips = list(
        transcribe_clips(audio, transcriber, kept, workspace.settings.transcription_budget_s)
    )
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
    folders = {name: model_folder(workspace, recipe_name, name) for name in results}
    judged = judge_rows(rows, folders, workspace.settings.experiment_config())
    fresh = [(clip.took_s, clip.sound_s) for clip in clips if clip.took_s is not None]
    return {
        "rows_in_split": int((data.samples["split"] == split).sum()),
        "rows_asked": len(asked),
        "rows_without_notes": len(clips) - len(rows),
        "out_of_time": len(clips) < len(asked),
        "real_time_factor": sum(t for t, _ in fresh) / sum(s for _, s in fresh) if fresh else None,
        **transcription_json(judged, find_recipe(recipe_name).seed),
    }


def _read_media(
    workspace: Workspace, recipe_name: str, sample_ids: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return the stored sound and notes of samples, by id."""
    rows = read_table(workspace.table(recipe_name, "pairs")).to_table(
        columns=["sample_id", "duration_s", "midi", "audio"],
        filter=pc.field("sample_id").isin(list(sample_ids)),
    )
    return {row["sample_id"]: row for row in rows.to_pylist()}


def transcription_metadata(content: dict[str, Any]) -> dict[str, Any]:
    """Return the comparison as Dagster shows it: tables of onsets, of systems, of their gains."""
    sets = content["sets"]
    ends = ("mean_r", "mean_r_low", "mean_r_high")
    errors = ("mean_mae", "mean_mae_low", "mean_mae_high")
    counts = ("rows_asked", "rows_without_notes", "out_of_time", "real_time_factor")
    return {
        "transcriber": content["transcriber"],
        "rows": sum(found["rows"] for found in sets.values()),
        "onsets": records_metadata(
            [
                {"split": split, "tier": tier}
                | {name: _shown(value) for name, value in figures.items()}
                for split, found in sets.items()
                for tier, figures in {
                    "all": _all_tiers(found),
                    **found["onsets"]["by_tier"],
                }.items()
            ]
        ),
        "systems": records_metadata(
            [
                {"split": split, "system": system["name"]}
                | {name: _shown(system[name]) for name in (*ends, *errors)}
                for split, found in sets.items()
                for system in found["systems"]
            ]
        ),
        "gains in r": records_metadata(
            [
                {"split": split, "system": gain["name"], "over": gain["over"]}
                | {name: _shown(gain[name]) for name in ends}
                for split, found in sets.items()
                for gain in found["gains"]
            ]
        ),
        "how it went": records_metadata(
            [
                {"split": split} | {name: _shown(found[name]) for name in counts}
                for split, found in sets.items()
            ]
        ),
    }


def _all_tiers(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found["onsets"].items() if name != "by_tier"}


def _shown(value: object) -> object:
    return "" if value is None else value
