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
from models.inference.predict import batches_of, predict, window_features
from models.inference.trained_model import load_model
from models.inference.windows import Window
from models.inputs.feature_writer import note_features


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
    loaded = {name: load_model(folder) for name, folder in models.items()}
    detectors = (model.network.detector for model in loaded.values())
    detector = next((one for one in detectors if one is not None), None)
    windows = [Window(duration_s=row.duration_s, notes=row.played, sound=row.sound) for row in rows]
    true = window_features(windows, config, detector)
    found = [
        replace(clip, notes=note_features(row.found, config.midi_encoder.tokens))
        for row, clip in zip(rows, true, strict=True)
    ]
    scores: dict[System, NDArray[np.float64]] = {}
    for system in systems(list(models)):
        model = loaded[system.experiment]
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
