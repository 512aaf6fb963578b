"""Audio alone by transcription, beside true MIDI and the audio model, on the very same rows.

`transcription_json` documents what is stored for the report.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labeling.scores import DIMENSIONS
from models.config.experiment import MODALITIES, Experiment
from models.evaluation.agreement.resampling import Interval, clustered_bootstrap, clustered_gain
from models.evaluation.audits.note_match import NoteMatch
from models.metrics import agreement

Notes = Literal["true", "transcribed"]


@dataclass(frozen=True, slots=True)
class System:
    """A model and the notes that it reads, None for one that reads none."""

    experiment: Experiment
    notes: Notes | None

    @property
    def name(self) -> str:
        """How a table calls it."""
        heard = ["audio"] if "audio" in MODALITIES[self.experiment] else []
        heard += [f"{self.notes} MIDI"] if self.notes else []
        return f"{self.experiment}: {' and '.join(heard)}"


def systems(experiments: Sequence[Experiment]) -> list[System]:
    """Return each experiment with the notes that it can read: true, and transcribed."""
    return [
        System(experiment, notes)
        for experiment in experiments
        for notes in (("true", "transcribed") if "midi" in MODALITIES[experiment] else (None,))
    ]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JudgedRow:
    """One transcribed sample: how its notes match its own MIDI, and its scores.

    `true` are its labels and `predicted` each system's scores, both (8,).
    """

    sample_id: str
    composition: str
    tier: str
    match: NoteMatch
    pedal_agreement: float
    true: NDArray[np.float64]
    predicted: Mapping[System, NDArray[np.float64]]


def spread_rows(samples: pd.DataFrame, split: str, count: int) -> list[str]:
    """Return the ids of up to `count` samples of a split, evenly over its compositions.

    Each round takes one more of every composition, far from those before it, so that the first
    few are spread like all. The same samples always give the same rows.
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


def transcription_json(rows: Sequence[JudgedRow], seed: int) -> dict[str, Any]:
    """Return what transcription costs on these rows, as plain data; null is what can't be had.

    - `rows`, `compositions`: how many there are;
    - `onsets`: mean over rows of `f1`, `precision` and `recall` (pitch and onset within 50 ms)
      against the row's own MIDI, of `onset_spread_ms` and `velocity_error` (see `NoteMatch`) and of
      `pedal_agreement`; `by_tier` the same for each tier;
    - `systems`: a model and what it reads: `name`, `experiment`, `notes` (true, transcribed or
      null), `mean_r` and `mean_mae` with `_low` and `_high` (95 %, compositions redrawn), and
      `dimensions`: `r` and `mae` of each;
    - `gains`: by how much `mean_r` of the system `name` lies above that `over` another, with its
      interval: every system that reads transcribed notes over itself with true ones, and over those
      that read none;
    - `by_row`: `sample_id`, `composition`, `tier`, `f1`, `played` and `found` notes, and `scores`,
      the eight by each system's name.
    """
    return {
        "rows": len(rows),
        "compositions": len({row.composition for row in rows}),
        "onsets": {
            **_onsets(rows),
            "by_tier": {
                tier: _onsets([row for row in rows if row.tier == tier])
                for tier in dict.fromkeys(row.tier for row in rows)
            },
        },
        "systems": _systems(rows, seed) if rows else [],
        "gains": _gains(rows, seed) if rows else [],
        "by_row": [_row(row) for row in rows],
    }


def _onsets(rows: Sequence[JudgedRow]) -> dict[str, float | int | None]:
    def mean(values: Sequence[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known else None

    return {
        "rows": len(rows),
        "f1": mean([row.match.f1 for row in rows]),
        "precision": mean([row.match.precision for row in rows]),
        "recall": mean([row.match.recall for row in rows]),
        "onset_spread_ms": mean([row.match.onset_spread_ms for row in rows]),
        "velocity_error": mean([row.match.velocity_error for row in rows]),
        "pedal_agreement": mean([row.pedal_agreement for row in rows]),
    }


def _systems(rows: Sequence[JudgedRow], seed: int) -> list[dict[str, Any]]:
    true, clusters = np.stack([row.true for row in rows]), [row.composition for row in rows]
    told = []
    for system in rows[0].predicted:
        predicted = _predicted(rows, system)
        found = agreement(true, predicted)
        intervals = clustered_bootstrap(true, predicted, clusters, seed=seed)
        told.append(
            {
                "name": system.name,
                "experiment": system.experiment,
                "notes": system.notes,
                "mean_r": _number(found.mean_r),
                **_ends("mean_r", intervals.mean_r),
                "mean_mae": _number(found.mean_mae),
                **_ends("mean_mae", intervals.mean_mae),
                "dimensions": {
                    name: {"r": _number(r), "mae": _number(mae)}
                    for name, r, mae in zip(DIMENSIONS, found.r, found.mae, strict=True)
                },
            }
        )
    return told


def _gains(rows: Sequence[JudgedRow], seed: int) -> list[dict[str, Any]]:
    true, clusters = np.stack([row.true for row in rows]), [row.composition for row in rows]
    told = []
    for system in rows[0].predicted:
        for other in rows[0].predicted:
            itself = other == System(system.experiment, "true")
            if system.notes != "transcribed" or not (itself or other.notes is None):
                continue
            gain = clustered_gain(
                true, _predicted(rows, system), _predicted(rows, other), clusters, seed=seed
            )
            told.append(
                {
                    "name": system.name,
                    "over": other.name,
                    "mean_r": _number(gain.mean_r),
                    **_ends("mean_r", gain.interval),
                }
            )
    return told


def _predicted(rows: Sequence[JudgedRow], system: System) -> NDArray[np.float64]:
    return np.stack([row.predicted[system] for row in rows])


def _row(row: JudgedRow) -> dict[str, Any]:
    return {
        "sample_id": row.sample_id,
        "composition": row.composition,
        "tier": row.tier,
        "f1": row.match.f1,
        "played": row.match.played,
        "found": row.match.found,
        "scores": {system.name: scores.tolist() for system, scores in row.predicted.items()},
    }


def _ends(name: str, interval: Interval) -> dict[str, float | None]:
    return {f"{name}_low": _number(interval.low), f"{name}_high": _number(interval.high)}


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
