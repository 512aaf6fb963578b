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
    true, by_system, compositions = _columns(rows)
    return tuple(
        SystemScore(
            system=system,
            agreement=agreement(true, predicted),
            intervals=clustered_bootstrap(true, predicted, compositions, seed=seed),
        )
        for system, predicted in by_system.items()
    )


def system_gains(rows: Sequence[JudgedRow], *, seed: int) -> tuple[SystemGain, ...]:
    """Compare each system that reads transcribed notes.

    With itself on true notes, with audio alone, and a fusion with the same notes without the sound.
    """
    true, by_system, compositions = _columns(rows)
    return tuple(
        SystemGain(
            system=system,
            over=other,
            gain=clustered_gain(true, predicted, over, compositions, seed=seed),
        )
        for system, predicted in by_system.items()
        for other, over in by_system.items()
        if system.notes == "transcribed"
        and (
            other.notes is None
            or other == System(system.experiment, "true")
            or (
                other == System("midi_only", "transcribed")
                and "audio" in MODALITIES[system.experiment]
            )
        )
    )


def _columns(rows: Sequence[JudgedRow]) -> tuple[Floats, dict[System, Floats], list[str]]:
    """Return labels, (rows, 8), each system's scores, (rows, 8), and compositions."""
    if not rows:
        return np.zeros((0, 8)), {}, []
    return (
        np.stack([row.true for row in rows]),
        {system: np.stack([row.predicted[system] for row in rows]) for system in rows[0].predicted},
        [row.composition for row in rows],
    )
