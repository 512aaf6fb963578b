"""Grades from transcribed notes, beside those from true MIDI and from audio, on the same rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.config.experiment import MODALITIES, Experiment
from models.evaluation.agreement.resampling import clustered_bootstrap, clustered_gain
from models.evaluation.audits.documents import (
    OnsetFigures,
    System,
    SystemGain,
    SystemScore,
)
from models.evaluation.audits.note_match import NoteMatch
from models.metrics import agreement

Floats = NDArray[np.float64]


def systems(experiments: Sequence[Experiment]) -> list[System]:
    """Return each experiment with the notes that it can read: true, and transcribed."""
    return [
        System(experiment, notes)
        for experiment in experiments
        for notes in (("true", "transcribed") if "midi" in MODALITIES[experiment] else (None,))
    ]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JudgedRow:
    """One transcribed sample: how its notes match its MIDI, its labels and each system's scores.

    `true` and `predicted` are (8,).
    """

    composition: str
    tier: str
    match: NoteMatch
    pedal_agreement: float
    true: Floats
    predicted: Mapping[System, Floats]


def spread_rows(samples: pd.DataFrame, split: str, count: int) -> list[str]:
    """Return the ids of up to `count` samples of a split, evenly over its compositions.

    Each round takes one more of every composition, far from those before it. The same samples
    always give the same rows.
    """
    chosen = samples[samples["split"] == split].sort_values("sample_id")
    by_piece = [
        _far_apart(group["sample_id"].tolist()) for _, group in chosen.groupby("composition")
    ]
    longest = max((len(ids) for ids in by_piece), default=0)
    rounds = [ids[turn] for turn in range(longest) for ids in by_piece if turn < len(ids)]
    return rounds[:count]


def _far_apart(ids: list[str]) -> list[str]:
    """Return all ids, each as far as possible from those before it: van der Corput's order."""
    bits = max(len(ids) - 1, 1).bit_length()
    reversed_bits = [int(f"{place:0{bits}b}"[::-1], 2) for place in range(2**bits)]
    return [ids[place] for place in reversed_bits if place < len(ids)]


def onset_figures(rows: Sequence[JudgedRow]) -> OnsetFigures:
    """Return the means over rows of how well their notes were found."""

    def mean(values: Sequence[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known else None

    return OnsetFigures(
        f1=mean([row.match.f1 for row in rows]),
        precision=mean([row.match.precision for row in rows]),
        recall=mean([row.match.recall for row in rows]),
        onset_spread_ms=mean([row.match.onset_spread_ms for row in rows]),
        velocity_error=mean([row.match.velocity_error for row in rows]),
        pedal_agreement=mean([row.pedal_agreement for row in rows]),
    )


def system_scores(rows: Sequence[JudgedRow], *, seed: int) -> tuple[SystemScore, ...]:
    """Return how each system's scores agree with the labels; nothing without rows."""
    scores = []
    for system in _systems_of(rows):
        true, predicted = _true(rows), _predicted(rows, system)
        intervals = clustered_bootstrap(true, predicted, _compositions(rows), seed=seed)
        scores.append(
            SystemScore(system=system, agreement=agreement(true, predicted), intervals=intervals)
        )
    return tuple(scores)


def system_gains(rows: Sequence[JudgedRow], *, seed: int) -> tuple[SystemGain, ...]:
    """Compare each system that reads transcribed notes with itself on true notes and with audio."""
    gains = []
    for system in _systems_of(rows):
        for other in _systems_of(rows):
            itself = other == System(system.experiment, "true")
            if system.notes != "transcribed" or not (itself or other.notes is None):
                continue
            gain = clustered_gain(
                _true(rows),
                _predicted(rows, system),
                _predicted(rows, other),
                _compositions(rows),
                seed=seed,
            )
            gains.append(SystemGain(system=system, over=other, gain=gain))
    return tuple(gains)


def _systems_of(rows: Sequence[JudgedRow]) -> list[System]:
    return list(rows[0].predicted) if rows else []


def _true(rows: Sequence[JudgedRow]) -> Floats:
    return np.stack([row.true for row in rows])


def _predicted(rows: Sequence[JudgedRow], system: System) -> Floats:
    return np.stack([row.predicted[system] for row in rows])


def _compositions(rows: Sequence[JudgedRow]) -> list[str]:
    return [row.composition for row in rows]
