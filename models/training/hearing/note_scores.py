"""How well notes and pedal are heard: mir_eval's transcription scores, and the pedal's F1."""

from dataclasses import fields

import numpy as np
from mir_eval.transcription import precision_recall_f1_overlap as note_score
from mir_eval.transcription_velocity import precision_recall_f1_overlap as velocity_score
from mir_eval.util import midi_to_hz

from degradation.notes import PEDAL_DOWN_FROM, SUSTAIN, Performance
from models.hearing.spectrum import FRAME_RATE_HZ, frame_count
from models.tokens.performance import depth_at, performance_tokens
from models.training.hearing.result import NoteScores


def score_notes(played: Performance, heard: Performance) -> NoteScores | None:
    """Return how well a performance was heard; None when no note was played."""
    if not len(played.notes):
        return None
    # A note that is heard ends where it stops sounding; one that is played may ring on.
    sounding_s = performance_tokens(played)["sounding_s"].astype(np.float64)
    true = _intervals(played, sounding_s)
    found = _intervals(heard, heard.notes["offset_s"] - heard.notes["onset_s"])
    pitches = [midi_to_hz(one.notes["pitch"].astype(float)) for one in (played, heard)]
    velocities = [one.notes["velocity"].astype(float) for one in (played, heard)]
    joined = (true, pitches[0], found, pitches[1])
    louder = (true, pitches[0], velocities[0], found, pitches[1], velocities[1])
    time_s = np.arange(frame_count(played.duration_s)) / FRAME_RATE_HZ
    down = [depth_at(one.pedal, SUSTAIN, time_s) >= PEDAL_DOWN_FROM for one in (played, heard)]
    pressed = down[0].sum() + down[1].sum()
    return NoteScores(
        onset_f1=note_score(*joined, offset_ratio=None)[2],
        offset_f1=note_score(*joined)[2],
        velocity_f1=velocity_score(*louder, offset_ratio=None)[2],
        pedal_f1=float(2 * (down[0] & down[1]).sum() / pressed) if pressed else np.nan,
    )


def mean_scores(scores: list[NoteScores]) -> NoteScores:
    """Return the mean of each F1 over the clips that have one, NaN without any."""
    means = {}
    for field in fields(NoteScores):
        values = np.array([getattr(one, field.name) for one in scores])
        known = values[~np.isnan(values)]
        means[field.name] = float(known.mean()) if len(known) else np.nan
    return NoteScores(**means)


def _intervals(performance: Performance, sounding_s: np.ndarray) -> np.ndarray:
    """Return when each note begins and stops sounding, (notes, 2) seconds."""
    onset_s = performance.notes["onset_s"]
    return np.stack([onset_s, onset_s + np.maximum(sounding_s, 1e-3)], axis=1)
