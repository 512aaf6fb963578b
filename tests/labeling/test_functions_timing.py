"""Timing: what must not change the values, and that unsteadiness does, more for more."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from degradation.notes import Performance, cut_window, release_before_restrike, snap, sort_notes
from degradation.seeds import stream
from labeling.functions.reading import Abstention
from labeling.functions.timing import (
    MIDI_TEMPO_STABILITY,
    MIDI_TIMING_VARIANCE,
    find_pulse,
    tempo_instability,
    timing_variance,
)
from storage.midi import read_midi

BOTH = pytest.mark.parametrize("measure", [timing_variance, tempo_instability])


def jitter(performance: Performance, spread_ms: float, *name: str) -> Performance:
    notes = performance.notes.copy()
    shift_s = stream(7, "jitter", *name).normal(0, spread_ms / 1000, len(notes))
    onset_s = np.clip(notes["onset_s"] + shift_s, 0, performance.duration_s - 0.01)
    notes["offset_s"] = snap(onset_s + (notes["offset_s"] - notes["onset_s"]))
    notes["onset_s"] = snap(onset_s)
    return replace(performance, notes=release_before_restrike(sort_notes(notes)))


def warp(performance: Performance, depth: float) -> Performance:
    """Speed up and slow down by `depth`, over and over in four seconds."""
    time_s = np.linspace(0, performance.duration_s, 2001)
    pace = 1 + depth * np.sin(2 * np.pi * time_s / 4)
    warped_s = np.concatenate([[0], np.cumsum(1 / pace)[:-1]])
    warped_s *= performance.duration_s / warped_s[-1]
    notes = performance.notes.copy()
    for edge in ("onset_s", "offset_s"):
        notes[edge] = snap(np.interp(notes[edge], time_s, warped_s))
    return replace(performance, notes=release_before_restrike(notes))


def even_chords(assemble, interval_s: float, n: int = 16) -> Performance:
    notes = [
        (at * interval_s, (at + 0.9) * interval_s, pitch, 64)
        for at in range(n)
        for pitch in (48, 60, 67)
    ]
    return assemble(notes, duration_s=n * interval_s)


@BOTH
def test_an_even_stream_of_chords_does_not_vary(measure, assemble) -> None:
    assert measure(even_chords(assemble, 0.5), None) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("factor", [0.8, 1.25, 2.0])
def test_timing_variance_is_free_of_tempo(factor: float, compose) -> None:
    for seed in range(5):
        performance = compose(seed)
        notes = performance.notes.copy()
        first_s = notes["onset_s"][np.diff(notes["onset_s"], prepend=-1) > 0.05]
        chord = np.searchsorted(first_s, notes["onset_s"], side="right") - 1
        shift_s = snap(first_s * (factor - 1))[chord]  # chords keep their own width
        notes["onset_s"] += shift_s
        notes["offset_s"] += shift_s
        slower = Performance(
            notes=release_before_restrike(notes), pedal=performance.pedal, duration_s=25.0
        )
        assert timing_variance(slower, None) == pytest.approx(
            timing_variance(performance, None), rel=1e-2
        )


@BOTH
def test_neither_transposition_nor_pedal_matters(measure, compose) -> None:
    performance = compose(3)
    notes = performance.notes.copy()
    notes["pitch"] += 5
    moved = Performance(notes=notes, pedal=performance.pedal[:0], duration_s=performance.duration_s)
    assert measure(moved, None) == measure(performance, None)


def test_a_chord_is_one_event_however_it_is_broken_within_30_ms(assemble) -> None:
    notes = [
        (0.5 * at + 0.015 * k, 0.5 * at + 0.4, 48 + 7 * k, 64) for at in range(16) for k in range(3)
    ]
    assert timing_variance(assemble(notes), None) == pytest.approx(0, abs=1e-3)


@BOTH
def test_more_jitter_is_less_steady(measure, compose) -> None:
    means = [
        np.mean([measure(jitter(compose(seed), ms, str(seed)), None) for seed in range(10)])
        for ms in (0, 10, 30, 60)
    ]
    assert means == sorted(means)
    assert means[-1] > 1.5 * means[0]


def test_a_drifting_tempo_shows_beat_by_beat(assemble) -> None:
    performance = even_chords(assemble, 0.4, n=25)
    means = [tempo_instability(warp(performance, depth), None) for depth in (0, 0.05, 0.1, 0.2)]
    assert means == sorted(means)
    assert means[-1] > 0.05


def test_the_commonest_interval_is_the_pulse() -> None:
    event_s = np.arange(20) * 0.45
    pulse_s = find_pulse(event_s, np.ones(20))
    assert pulse_s == pytest.approx(0.45, rel=0.02)


@pytest.mark.parametrize("interval_s", [4.0, 0.01])
def test_what_has_no_pulse_is_not_judged(interval_s: float, assemble) -> None:
    performance = even_chords(assemble, interval_s, n=10)
    assert isinstance(tempo_instability(performance, None), Abstention)


def maestro_windows(real_data: Path, n: int) -> list[Performance]:
    root = real_data / "maestro-v3.0.0"
    files = pd.read_csv(root / "maestro-v3.0.0.csv").sample(n // 2, random_state=3)
    windows = []
    for name in files["midi_filename"]:
        performance = read_midi((root / name).read_bytes(), name)
        for part in (0.3, 0.6):
            windows.append(cut_window(performance, part * performance.duration_s, 10.0))
    return windows


@pytest.mark.real_data
def test_jitter_lowers_the_scores_of_experts(real_data: Path) -> None:
    windows = maestro_windows(real_data, 40)
    scores = {
        function.name: [
            np.nanmean(
                [
                    function(jitter(window, ms, str(at)), None).score or np.nan
                    for at, window in enumerate(windows)
                ]
            )
            for ms in (0, 30, 60)
        ]
        for function in (MIDI_TIMING_VARIANCE, MIDI_TEMPO_STABILITY)
    }
    for clean, jittered, more in scores.values():
        assert 70 < clean < 90
        assert clean > jittered > more
    assert scores["MIDITimingVariance"][0] - scores["MIDITimingVariance"][2] > 8
