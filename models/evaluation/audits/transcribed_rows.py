"""Rows of the shards and their transcriptions, matched and graded by every model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from degradation.notes import Performance
from degradation.waveform import Waveform
from models.config.experiment import Experiment, ExperimentConfig
from models.evaluation.audits.documents import System
from models.evaluation.audits.note_match import match_onsets, pedal_agreement
from models.evaluation.audits.transcription import JudgedRow, systems
from models.inference.predict import batches_of, predict
from models.inference.trained_model import load_model
from models.inputs.feature_reader import Features
from models.inputs.feature_writer import audio_features, note_features


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TranscribedRow:
    """One sample: its labels (8,), its sound, the notes played and the notes transcribed."""

    sample_id: str
    composition: str
    tier: str
    duration_s: float
    labels: NDArray[np.float64]
    sound: Waveform
    played: Performance
    found: Performance


def judge_rows(
    rows: Sequence[TranscribedRow], models: Mapping[Experiment, Path], config: ExperimentConfig
) -> list[JudgedRow]:
    """Return each row's match, and the scores of each model from true and transcribed notes.

    `models` are folders of trainings with the settings of `config`.
    """
    if not rows:
        return []
    frames = audio_features([row.sound for row in rows], config.audio_features)
    tokens = config.midi_encoder.tokens
    true = [
        Features(
            sample_id=row.sample_id,
            duration_s=row.duration_s,
            audio=audio,
            **note_features(row.played, tokens),
        )
        for row, audio in zip(rows, frames, strict=True)
    ]
    found = [
        replace(clip, **note_features(row.found, tokens))
        for row, clip in zip(rows, true, strict=True)
    ]
    scores: dict[System, NDArray[np.float64]] = {}
    for system in systems(list(models)):
        model = load_model(models[system.experiment])
        clips = found if system.notes == "transcribed" else true
        batches = batches_of(clips, model.config, model.config.training.batch_size)
        predicted = predict(model.network, batches, model.config.torch_threads)
        scores[system] = predicted.scores.astype(np.float64)
    return [
        JudgedRow(
            composition=row.composition,
            tier=row.tier,
            match=match_onsets(row.played.notes, row.found.notes),
            pedal_agreement=pedal_agreement(row.played, row.found),
            true=row.labels,
            predicted={system: of_system[place] for system, of_system in scores.items()},
        )
        for place, row in enumerate(rows)
    ]
