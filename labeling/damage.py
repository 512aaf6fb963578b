"""Measures how the damaged playing differs from the clean one, whatever operations claim."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degradation.edits import carry_pedal
from degradation.melody_bass import BoolArray, chord_of, find_melody_and_accompaniment
from degradation.notes import PEDAL_DOWN_FROM, SUSTAIN, NoteArray, Performance, sort_notes
from degradation.pedal import find_lifts
from degradation.phrasing import local_means, loudness_shape, tempo_shape

FloatArray = NDArray[np.float64]

AROUND_S = 0.5
"""Standard deviation of the Gaussian for local tempo and for the shift shared by neighbours."""

LEAST_VISIBLE = 0.1
"""A chord's shift is compared with its neighbours' only where at least this share of its variance
remains after the local mean is subtracted: a lone chord is its own mean."""

FEWEST_CHORDS = 3
"""Fewer chords have no tempo that could change."""

FLATTEST = {"tempo": 0.01, "loudness": 1.0}
"""Smallest spread of a clean shape (1 %; one MIDI velocity) of which a kept share is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Measured differences between clean and damaged playing; NaN where undefined.

    `docs/data-dictionary.md` describes each field: they are columns of the tables.
    """

    jitter_ms: float
    wrong_note_share: float
    missed_note_share: float
    extra_note_share: float
    velocity_spread_ratio: float
    local_jitter_ms: float = np.nan
    chord_jitter_ms: float = np.nan
    tempo_change_share: float = np.nan
    articulation_spread_octaves: float = np.nan
    velocity_roughness: float = np.nan
    voicing_loss_velocity: float = np.nan
    loudness_shape_kept: float = np.nan
    tempo_shape_kept: float = np.nan
    pedal_lag_s: float
    lost_lift_share: float


def measure_damage(clean: Performance, degraded: Performance) -> Damage:
    """Match notes by id and pedal movements by order, then compare.

    Raises ValueError when `clean` has no notes, or when the number of sustain movements differs.
    """
    if len(clean.notes) == 0:
        raise ValueError("clean has no notes, so no share of them can be measured")
    before, after = _kept(clean.notes, degraded.notes)
    shift_s = after["onset_s"] - before["onset_s"]
    kept = len(before)
    clean_spread = float(before["velocity"].std()) if kept else 0.0
    return Damage(
        jitter_ms=1000 * _rms(shift_s),
        wrong_note_share=float(np.sum(before["pitch"] != after["pitch"])) / len(clean.notes),
        missed_note_share=1 - kept / len(clean.notes),
        extra_note_share=(len(degraded.notes) - kept) / len(clean.notes),
        velocity_spread_ratio=(
            float(after["velocity"].std()) / clean_spread if clean_spread > 0 else float("nan")
        ),
        **(_compare_notes(before, after, shift_s) if kept else {}),
        **_pedal(clean, degraded, before, shift_s),
    )


def _compare_notes(before: NoteArray, after: NoteArray, shift_s: FloatArray) -> dict[str, float]:
    swell = _swell(before, before)
    melody, accompaniment = find_melody_and_accompaniment(before)
    return {
        "local_jitter_ms": 1000 * _local_jitter_s(before["onset_s"], shift_s),
        "chord_jitter_ms": 1000 * _chord_jitter_s(before["onset_s"], shift_s),
        "articulation_spread_octaves": _articulation_spread(before, after),
        "velocity_roughness": _velocity_roughness(
            before, after, np.column_stack([swell, melody, accompaniment])
        ),
        "voicing_loss_velocity": _voicing_loss(before, after, melody, accompaniment),
        "loudness_shape_kept": _slope(swell, _swell(before, after), FLATTEST["loudness"]),
        **_tempo(before, after),
    }


def _kept(clean: NoteArray, degraded: NoteArray) -> tuple[NoteArray, NoteArray]:
    """Return the notes that both have, each in the clean order."""
    common, _, at = np.intersect1d(clean["note_id"], degraded["note_id"], return_indices=True)
    before = sort_notes(clean[np.isin(clean["note_id"], common)])
    return before, degraded[at[np.searchsorted(common, before["note_id"])]]


def _rms(value: FloatArray) -> float:
    return float(np.sqrt(np.mean(value**2))) if len(value) else float("nan")


def _per_chord(onset_s: FloatArray, *values: FloatArray) -> list[FloatArray]:
    """Return the mean of values of notes over each chord."""
    chord = chord_of(onset_s)
    return [np.bincount(chord, value) / np.bincount(chord) for value in values]


def _local_jitter_s(onset_s: FloatArray, shift_s: FloatArray) -> float:
    chord_s, moved_s = _per_chord(onset_s, onset_s, shift_s)
    count = len(chord_s)
    weight = local_means(chord_s, np.ones(count), chord_s, AROUND_S)(np.eye(count))
    # Smoothed twice: otherwise a change of tempo would count as jitter, above all at the edges.
    weight = 2 * weight - weight @ weight
    # The variance of shift minus local mean, for independent shifts of variance 1.
    visible = 1 - 2 * np.diag(weight) + np.sum(weight**2, axis=1)
    used = visible > LEAST_VISIBLE
    return _rms((moved_s - weight @ moved_s)[used] / np.sqrt(visible[used]))


def _chord_jitter_s(onset_s: FloatArray, shift_s: FloatArray) -> float:
    chord = chord_of(onset_s)
    size = np.bincount(chord)
    apart_s = shift_s - (np.bincount(chord, shift_s) / size)[chord]
    free = int(np.sum(size - 1))
    return float(np.sqrt(np.sum(apart_s**2) / free)) if free else float("nan")


def _articulation_spread(before: NoteArray, after: NoteArray) -> float:
    held_s, held_after_s = (notes["offset_s"] - notes["onset_s"] for notes in (before, after))
    return float(np.log2(held_after_s / held_s).std())


def _velocity_roughness(before: NoteArray, after: NoteArray, shape: FloatArray) -> float:
    """Return the residual standard deviation of a least-squares fit."""
    explanatory = np.column_stack([np.ones(len(before)), before["velocity"], shape])
    velocity = after["velocity"].astype(np.float64)
    fit, _, rank, _ = np.linalg.lstsq(explanatory, velocity)
    free = len(before) - int(rank)
    residual = velocity - explanatory @ fit
    return float(np.sqrt(np.sum(residual**2) / free)) if free else float("nan")


def _voicing_loss(
    before: NoteArray, after: NoteArray, melody: BoolArray, accompaniment: BoolArray
) -> float:
    if not (melody.any() and accompaniment.any()):
        return float("nan")
    louder = after["velocity"].astype(np.float64) - before["velocity"]
    return float(louder[accompaniment].mean() - louder[melody].mean())


def _slope(clean: FloatArray, degraded: FloatArray, flattest: float) -> float:
    if not len(clean) or clean.std() < flattest:
        return float("nan")
    away = clean - clean.mean()
    return float(away @ degraded / (away @ away))


def _swell(before: NoteArray, after: NoteArray) -> FloatArray:
    """Return the slow course of loudness over the clean onsets, so that tempo has no effect."""
    return loudness_shape(after["velocity"].astype(np.float64), before["onset_s"])


def _tempo(before: NoteArray, after: NoteArray) -> dict[str, float]:
    clean_s, degraded_s = _per_chord(before["onset_s"], before["onset_s"], after["onset_s"])
    if len(clean_s) < FEWEST_CHORDS:
        return {}
    interval_s, middle_s = np.diff(clean_s), (clean_s[:-1] + clean_s[1:]) / 2
    # Weighted by length, the jitter of neighbouring intervals cancels.
    around = local_means(middle_s, interval_s, middle_s, AROUND_S)
    slower = around(np.diff(degraded_s) / interval_s)
    log_slower = np.log(np.maximum(slower, 0.01))
    mean = np.average(log_slower, weights=interval_s)
    spread = np.sqrt(np.average((log_slower - mean) ** 2, weights=interval_s))
    beat = tempo_shape(before)(middle_s)
    kept = _slope(beat, beat + log_slower, FLATTEST["tempo"])
    return {"tempo_change_share": float(spread), "tempo_shape_kept": kept}


def _pedal(
    clean: Performance, degraded: Performance, before: NoteArray, shift_s: FloatArray
) -> dict[str, float]:
    sustain, moved = (
        performance.pedal[performance.pedal["controller"] == SUSTAIN]
        for performance in (clean, degraded)
    )
    if len(sustain) != len(moved):
        raise ValueError(
            f"the clean sustain pedal moves {len(sustain)} times and the damaged one "
            f"{len(moved)}; expected the same movements, each at another time or of another value"
        )
    kept = Performance(notes=before, pedal=sustain, duration_s=clean.duration_s)
    carried = carry_pedal(kept, shift_s)
    expected_s = (sustain if carried is None else carried)["time_s"]
    free = (sustain["time_s"] > 0) & (moved["time_s"] < degraded.duration_s)
    lag_s = (moved["time_s"] - expected_s)[free]
    lifts = find_lifts(sustain)
    lost = [moved["value"][lift.movements].min() >= PEDAL_DOWN_FROM for lift in lifts]
    return {
        "pedal_lag_s": float(np.median(lag_s)) if len(lag_s) else float("nan"),
        "lost_lift_share": float(np.mean(lost)) if lost else float("nan"),
    }
