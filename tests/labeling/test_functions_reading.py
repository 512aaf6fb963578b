"""The contract that all nine functions keep, and the types that hold it."""

import itertools
import pickle
from dataclasses import replace

import numpy as np
import pytest

from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, Performance
from degradation.waveform import Waveform
from labeling.functions import LABELING_FUNCTIONS, LabelingFunction, ScoreCurve
from labeling.scores import DIMENSIONS

NAMES = (
    "MIDITimingVariance",
    "MIDITempoStability",
    "MIDIVelocityRange",
    "MIDIVelocitySmoothing",
    "MIDINoteDurationVariance",
    "MIDIPedalCoherence",
    "MIDIPedalTiming",
    "AudioSpectralCentroid",
    "AudioAttackTransients",
)
EACH = pytest.mark.parametrize("function", LABELING_FUNCTIONS, ids=NAMES)


def sound(performance: Performance) -> Waveform:
    """Return decaying harmonic tones for the notes; good enough to be judged."""
    rate_hz = 24_000
    samples = np.zeros(int(performance.duration_s * rate_hz), np.float32)
    for note in performance.notes:
        start = int(note["onset_s"] * rate_hz)
        time_s = np.arange(min(len(samples) - start, rate_hz)) / rate_hz
        hz = 440 * 2 ** ((float(note["pitch"]) - 69) / 12)
        tone = sum(np.sin(2 * np.pi * k * hz * time_s) / k**2 for k in range(1, 5))
        samples[start:][: len(tone)] += note["velocity"] / 2000 * tone * np.exp(-time_s / 0.2)
    return Waveform(samples=samples, sample_rate_hz=rate_hz)


def test_the_nine_are_there_in_order() -> None:
    assert tuple(function.name for function in LABELING_FUNCTIONS) == NAMES
    for function in LABELING_FUNCTIONS:
        assert function.dimension in DIMENSIONS
        assert function.unit


@EACH
def test_music_gets_a_score_and_the_same_one_again(function: LabelingFunction, compose) -> None:
    for seed in range(2):
        performance = compose(seed)
        waveform = sound(performance)
        reading = function(performance, waveform)
        assert reading.abstention is None
        assert 0 < reading.score < 100
        assert reading == function(compose(seed), sound(performance))


@EACH
def test_the_window_is_left_as_it_was(function: LabelingFunction, compose) -> None:
    performance = compose(0)
    waveform = sound(performance)
    before = (performance.notes.copy(), performance.pedal.copy(), waveform.samples.copy())
    function(performance, waveform)
    after = (performance.notes, performance.pedal, waveform.samples)
    assert all(np.array_equal(old, new) for old, new in zip(before, after, strict=True))


@EACH
@pytest.mark.parametrize("n_notes", [0, 1, 3])
def test_too_little_music_is_not_judged(function: LabelingFunction, n_notes: int, compose) -> None:
    notes = compose(0).notes[:n_notes].copy()
    assert notes.dtype == NOTE_DTYPE
    performance = Performance(notes=notes, pedal=np.empty(0, PEDAL_DTYPE), duration_s=10.0)
    reading = function(performance, sound(performance))
    assert reading.score is None
    assert reading.value is None
    assert reading.abstention


@EACH
def test_functions_on_midi_do_not_need_sound(function: LabelingFunction, compose) -> None:
    performance = compose(1)
    without = function(performance, None)
    if function.name.startswith("MIDI"):
        assert without == function(performance, sound(performance))
    else:
        assert without.abstention == "there is no audio"


@EACH
def test_a_function_crosses_into_another_process(function: LabelingFunction) -> None:
    assert pickle.loads(pickle.dumps(function)) == function


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_measurement_that_is_not_finite_is_refused(value: float, compose) -> None:
    broken = replace(LABELING_FUNCTIONS[0], measure=lambda performance, waveform: value)
    with pytest.raises(ValueError, match="expected a finite value"):
        broken(compose(0), None)


@pytest.mark.parametrize(("typical", "weak"), [(1.0, 3.0), (30.0, 20.0), (0.08, 0.21)])
def test_a_curve_is_monotone_and_stays_inside(typical: float, weak: float) -> None:
    curve = ScoreCurve(typical=typical, weak=weak)
    assert curve(typical) == pytest.approx(80)
    assert curve(weak) == pytest.approx(50)
    worse = np.sign(weak - typical) * np.linspace(-5, 5, 41) * abs(weak - typical) + typical
    scores = [curve(float(value)) for value in worse]
    assert all(better > than for better, than in itertools.pairwise(scores))
    assert 0 < min(scores) < max(scores) < 100
    assert 0 <= curve(typical + 1e6 * (weak - typical)) <= 100
