"""Tone: gain does not matter; filtering and slow, noisy attacks do."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.signal

from degradation.notes import Performance
from degradation.seeds import stream
from degradation.waveform import Waveform, power
from labeling.functions.timbre import (
    AUDIO_ATTACK_TRANSIENTS,
    AUDIO_SPECTRAL_CENTROID,
    BRIGHTNESS_SLOPE,
    FEW_ATTACKS,
    NO_AUDIO,
    SILENT,
    attack_rise,
    brightness_deviation,
)

RATE_HZ = 24_000
BOTH = pytest.mark.parametrize("measure", [brightness_deviation, attack_rise])


def synthesise(performance: Performance, rise_s: float = 0.002) -> Waveform:
    """Return each note as four decaying partials that rise in `rise_s`."""
    samples = np.zeros(int(performance.duration_s * RATE_HZ))
    for note in performance.notes:
        start = int(note["onset_s"] * RATE_HZ)
        time_s = np.arange(min(len(samples) - start, RATE_HZ)) / RATE_HZ
        hz = 440 * 2 ** ((float(note["pitch"]) - 69) / 12)
        tone = sum(np.sin(2 * np.pi * k * hz * time_s) / k**2 for k in range(1, 5))
        envelope = np.minimum(time_s / rise_s, 1) * np.exp(-time_s / 0.2)
        samples[start:][: len(tone)] += float(note["velocity"]) / 2000 * tone * envelope
    return Waveform(samples=samples.astype(np.float32), sample_rate_hz=RATE_HZ)


def noisy(waveform: Waveform, snr_db: float, seed: int) -> Waveform:
    noise = stream(seed, "noise").standard_normal(len(waveform.samples))
    noise *= np.sqrt(power(waveform.samples) / power(noise) * 10 ** (-snr_db / 10))
    return replace(waveform, samples=(waveform.samples + noise).astype(np.float32))


def filtered(waveform: Waveform, kind: str, hz: float) -> Waveform:
    sections = scipy.signal.butter(4, hz, btype=kind, output="sos", fs=RATE_HZ)
    samples = scipy.signal.sosfiltfilt(sections, waveform.samples).astype(np.float32)
    return replace(waveform, samples=samples)


@BOTH
def test_gain_does_not_matter(measure, compose) -> None:
    performance = compose(0)
    waveform = synthesise(performance)
    fainter = replace(waveform, samples=waveform.samples * np.float32(0.1))
    assert measure(performance, fainter) == pytest.approx(measure(performance, waveform), rel=1e-3)


@BOTH
def test_silence_and_no_audio_are_not_judged(measure, compose) -> None:
    silence = Waveform(samples=np.zeros(10 * RATE_HZ, np.float32), sample_rate_hz=RATE_HZ)
    assert measure(compose(0), silence) == SILENT
    assert measure(compose(0), None) == NO_AUDIO


def test_a_steady_tone_has_no_attacks(compose) -> None:
    time_s = np.arange(10 * RATE_HZ) / RATE_HZ
    tone = Waveform(
        samples=(0.1 * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32), sample_rate_hz=RATE_HZ
    )
    assert attack_rise(compose(0), tone) == FEW_ATTACKS


def test_slower_attacks_rise_less(compose) -> None:
    rises = [
        np.mean([attack_rise(compose(s), synthesise(compose(s), rise_s)) for s in range(2)])
        for rise_s in (0.002, 0.02, 0.05)
    ]
    assert rises == sorted(rises, reverse=True)
    assert rises[0] > 1.3 * rises[-1]


def test_noise_blunts_attacks_more_the_louder_it_is(compose) -> None:
    sounds = [(compose(s), synthesise(compose(s))) for s in range(2)]
    scores = [
        np.mean([AUDIO_ATTACK_TRANSIENTS(p, noisy(w, snr_db, 1)).score for p, w in sounds])
        for snr_db in (80, 35, 25, 20)
    ]
    assert scores == sorted(scores, reverse=True)


def test_brightness_is_read_above_faint_noise(compose) -> None:
    for seed in range(2):
        performance = compose(seed)
        waveform = synthesise(performance)
        clean = brightness_deviation(performance, waveform)
        assert brightness_deviation(performance, noisy(waveform, 35, seed)) == pytest.approx(
            clean, abs=0.02
        )


def test_a_bright_sound_is_less_of_a_departure_for_high_notes(compose) -> None:
    low = compose(0)
    notes = low.notes.copy()
    notes["pitch"] += 12
    high = replace(low, notes=notes)
    thin = filtered(synthesise(low), "highpass", 2000)
    nearer = brightness_deviation(low, thin) - brightness_deviation(high, thin)
    assert nearer == pytest.approx(BRIGHTNESS_SLOPE, abs=1e-6)


@pytest.mark.parametrize(("kind", "hz"), [("lowpass", 250), ("highpass", 2000)])
def test_a_muffled_and_a_thin_tone_both_score_lower(kind: str, hz: float, compose) -> None:
    for seed in range(2):
        performance = compose(seed)
        waveform = synthesise(performance)
        whole = AUDIO_SPECTRAL_CENTROID(performance, waveform).score
        assert AUDIO_SPECTRAL_CENTROID(performance, filtered(waveform, kind, hz)).score < whole - 5
