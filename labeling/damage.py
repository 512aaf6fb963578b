"""How the damaged playing differs from the clean one, measured; no operation is believed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degradation.edits import carry_pedal
from degradation.melody_bass import chord_of, find_melody_and_accompaniment
from degradation.notes import PEDAL_DOWN_FROM, SUSTAIN, NoteArray, Performance, sort_notes
from degradation.pedal import find_lifts
from degradation.phrasing import loudness_shape, smooth, tempo_shape

FloatArray = NDArray[np.float64]

AROUND_S = 0.5
"""Tempo, and the shift that a note shares with its neighbours, are means over this time."""

ALONE = 0.1
"""A chord so alone that less of its stray would be seen has none to stray from."""

FEWEST_CHORDS = 3
"""Fewer have no tempo that could change."""

FLATTEST = {"tempo": 0.01, "loudness": 1.0}
"""A clean shape of less spread (1 %; one MIDI velocity) is none, and no share of it can be kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What the playing of a pair differs by. NaN where there is nothing to measure."""

    jitter_ms: float
    """Root mean square of the onset shifts of the notes that were kept, in ms."""
    wrong_note_share: float
    """Share of the clean notes that were kept with another pitch."""
    missed_note_share: float
    """Share of the clean notes that are gone."""
    extra_note_share: float
    """Notes that were never there, as a share of the clean notes."""
    velocity_spread_ratio: float
    """Standard deviation of the velocities, damaged over clean."""
    local_jitter_ms: float
    """Root mean square of how far chords strayed from the shift of those around them, in ms."""
    chord_jitter_ms: float
    """How far the notes of a chord were moved apart: standard deviation of their shifts, in ms."""
    tempo_change_share: float
    """Standard deviation of the logarithm of the local tempo, damaged over clean."""
    articulation_spread_octaves: float
    """Standard deviation of the binary logarithm of key-down times, damaged over clean."""
    velocity_roughness: float
    """What of the damaged velocities clean velocity, loudness and voice don't explain, in MIDI."""
    voicing_loss_velocity: float
    """How far accompanied melodies sank against the notes below them, in MIDI velocities."""
    loudness_shape_kept: float
    """Slope of the slow course of velocity, damaged on clean: 1 where it is as it was, 0 flat."""
    tempo_shape_kept: float
    """Slope of the slow course of the pulse (as a logarithm), damaged on clean."""
    pedal_lag_s: float
    """Median lateness of the sustain pedal's movements, beyond how far the notes were moved."""
    lost_lift_share: float
    """Share of the pedal changes at which the dampers no longer come down."""


def measure_damage(clean: Performance, degraded: Performance) -> Damage:
    """Match notes by id and pedal movements by order, then compare.

    Raises ValueError when `clean` has no notes, or when sustain movements were added or taken
    away, for none could be followed then.
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
        local_jitter_ms=1000 * _local_jitter_s(before["onset_s"], shift_s),
        chord_jitter_ms=1000 * _chord_jitter_s(before["onset_s"], shift_s),
        articulation_spread_octaves=_articulation_spread(before, after),
        velocity_roughness=_velocity_roughness(before, after),
        voicing_loss_velocity=_voicing_loss(before, after),
        loudness_shape_kept=_loudness_shape_kept(before, after),
        **_tempo(before, after),
        **_pedal(clean, degraded, before, shift_s),
    )


def _kept(clean: NoteArray, degraded: NoteArray) -> tuple[NoteArray, NoteArray]:
    """Return the notes that both have, in the clean order."""
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
    if not len(onset_s):
        return float("nan")
    chord_s, moved_s = _per_chord(onset_s, onset_s, shift_s)
    weight = smooth(np.eye(len(chord_s)), chord_s, np.ones(len(chord_s)), chord_s, AROUND_S)
    # Twice, or a bending tempo would pass for jitter, at the edges above all.
    weight = 2 * weight - weight @ weight
    # What a stray of its own takes off the difference, and those of its neighbours add to it.
    seen = 1 - 2 * np.diag(weight) + np.sum(weight**2, axis=1)
    strays = seen > ALONE
    return _rms((moved_s - weight @ moved_s)[strays] / np.sqrt(seen[strays]))


def _chord_jitter_s(onset_s: FloatArray, shift_s: FloatArray) -> float:
    if not len(onset_s):
        return float("nan")
    chord = chord_of(onset_s)
    size = np.bincount(chord)
    apart_s = shift_s - (np.bincount(chord, shift_s) / size)[chord]
    free = int(np.sum(size - 1))
    return float(np.sqrt(np.sum(apart_s**2) / free)) if free else float("nan")


def _articulation_spread(before: NoteArray, after: NoteArray) -> float:
    if not len(before):
        return float("nan")
    held_s, held_after_s = (notes["offset_s"] - notes["onset_s"] for notes in (before, after))
    return float(np.log2(held_after_s / held_s).std())


def _velocity_roughness(before: NoteArray, after: NoteArray) -> float:
    """Return the residual of a least-squares fit, with its degrees of freedom taken off."""
    if not len(before):
        return float("nan")
    melody, accompaniment = find_melody_and_accompaniment(before)
    told = np.column_stack(
        [np.ones(len(before)), before["velocity"], _swell(before, before), melody, accompaniment]
    ).astype(np.float64)
    velocity = after["velocity"].astype(np.float64)
    fit, _, rank, _ = np.linalg.lstsq(told, velocity)
    free = len(before) - int(rank)
    return float(np.sqrt(np.sum((velocity - told @ fit) ** 2) / free)) if free else float("nan")


def _voicing_loss(before: NoteArray, after: NoteArray) -> float:
    melody, accompaniment = find_melody_and_accompaniment(before)
    if not (melody.any() and accompaniment.any()):
        return float("nan")
    louder = after["velocity"].astype(np.float64) - before["velocity"]
    return float(louder[accompaniment].mean() - louder[melody].mean())


def _slope(clean: FloatArray, degraded: FloatArray, flattest: float) -> float:
    if not len(clean) or clean.std() < flattest:
        return float("nan")
    away = clean - clean.mean()
    return float(away @ degraded / (away @ away))


def _loudness_shape_kept(before: NoteArray, after: NoteArray) -> float:
    if not len(before):
        return float("nan")
    return _slope(_swell(before, before), _swell(before, after), FLATTEST["loudness"])


def _swell(before: NoteArray, after: NoteArray) -> FloatArray:
    """Return the slow course of loudness; in the clean time, for the tempo to play no part."""
    return loudness_shape(after["velocity"].astype(np.float64), before["onset_s"])


def _tempo(before: NoteArray, after: NoteArray) -> dict[str, float]:
    nothing = {"tempo_change_share": float("nan"), "tempo_shape_kept": float("nan")}
    if not len(before):
        return nothing
    clean_s, degraded_s = _per_chord(before["onset_s"], before["onset_s"], after["onset_s"])
    if len(clean_s) < FEWEST_CHORDS:
        return nothing
    interval_s, middle_s = np.diff(clean_s), (clean_s[:-1] + clean_s[1:]) / 2
    # Weighed by its length, an interval's jitter cancels against its neighbours'.
    slower = smooth(np.diff(degraded_s) / interval_s, middle_s, interval_s, middle_s, AROUND_S)
    log_slower = np.log(np.maximum(slower, 0.01))
    mean = np.average(log_slower, weights=interval_s)
    spread = np.sqrt(np.average((log_slower - mean) ** 2, weights=interval_s))
    pulse = tempo_shape(before)(middle_s)
    kept = _slope(pulse, pulse + log_slower, FLATTEST["tempo"])
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
