import io
from functools import partial

import numpy as np
import pytest
import scipy.signal
import scipy.stats
import soundfile

from degradation.degrade import damage_sound
from degradation.notes import Performance
from degradation.render import render
from degradation.seeds import stream
from degradation.sound_effects import Noise
from degradation.tiered import TieredRecipe
from degradation.waveform import Waveform, power, snr_db

SAMPLE_RATE_HZ = 24_000


def tone(amplitude: float = 0.3) -> Waveform:
    time_s = np.arange(2 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    samples = amplitude * np.exp(-time_s) * np.sin(2 * np.pi * 440 * time_s)
    return Waveform(samples=samples.astype(np.float32), sample_rate_hz=SAMPLE_RATE_HZ)


def after_flac(waveform: Waveform) -> np.ndarray:
    file = io.BytesIO()
    soundfile.write(
        file, waveform.samples, waveform.sample_rate_hz, format="FLAC", subtype="PCM_16"
    )
    file.seek(0)
    samples: np.ndarray = soundfile.read(file, dtype="float64")[0]
    return samples


def ratio_db(clean: np.ndarray, noisy: np.ndarray) -> float:
    """By the definition, and not by the package's own function."""
    difference = noisy.astype(np.float64) - clean.astype(np.float64)
    return 10 * float(np.log10(np.sum(clean.astype(np.float64) ** 2) / np.sum(difference**2)))


@pytest.mark.parametrize("asked_db", [-20, 0, 20, 25, 35, 60, 120])
@pytest.mark.parametrize("amplitude", [0.001, 0.3, 0.99])
def test_the_ratio_on_the_signal_is_the_one_asked_for(asked_db: float, amplitude: float) -> None:
    clean = tone(amplitude)
    noisy = Noise(snr_db=asked_db).transform(clean, stream(0, "n"))
    assert ratio_db(clean.samples, noisy.samples) == pytest.approx(asked_db, abs=0.02)
    assert snr_db(clean.samples, noisy.samples) == pytest.approx(asked_db, abs=0.02)


@pytest.mark.parametrize("asked_db", [20, 25, 35])
@pytest.mark.parametrize("amplitude", [0.02, 0.3, 0.99])
def test_the_ratio_survives_16_bit_flac(asked_db: float, amplitude: float) -> None:
    clean = tone(amplitude)
    made = damage_sound(clean, [Noise(snr_db=asked_db)], partial(stream, 0))
    stored = after_flac(made.waveform)
    turned_down = clean.samples * 10 ** (made.gain_db / 20)
    assert ratio_db(turned_down, stored) == pytest.approx(asked_db, abs=0.1)
    assert made.realised_snr_db == pytest.approx(asked_db, abs=0.1)


@pytest.mark.real_data
def test_the_ratio_survives_16_bit_flac_on_real_windows(
    maestro_windows: list[Performance], phase2: TieredRecipe
) -> None:
    for at, window in enumerate(maestro_windows[::5]):
        clean = render(window, phase2.instrument)
        for asked_db in (20, 25, 35):
            made = damage_sound(clean, [Noise(snr_db=asked_db)], partial(stream, at))
            turned_down = clean.samples * 10 ** (made.gain_db / 20)
            measured_db = ratio_db(turned_down, after_flac(made.waveform))
            assert measured_db == pytest.approx(asked_db, abs=0.1)


def test_a_larger_number_is_a_fainter_noise() -> None:
    clean = tone()
    added = [
        power(Noise(snr_db=snr).transform(clean, stream(0, "n")).samples - clean.samples)
        for snr in (10, 20, 40, 80)
    ]
    assert added == sorted(added, reverse=True)


def test_the_noise_is_white_gaussian_and_knows_nothing_of_the_sound() -> None:
    clean = tone()
    noise = Noise(snr_db=10).transform(clean, stream(0, "n")).samples - clean.samples
    assert scipy.stats.kstest(noise / noise.std(), "norm").pvalue > 0.001
    assert abs(np.corrcoef(noise, clean.samples)[0, 1]) < 3.3 / np.sqrt(len(noise))
    _, density = scipy.signal.welch(noise, SAMPLE_RATE_HZ, nperseg=256)
    assert np.abs(10 * np.log10(density[1:-1] / density[1:-1].mean())).max() < 2.5


def test_other_streams_make_other_noise_of_the_same_strength() -> None:
    clean = tone()
    one, other = (Noise(snr_db=20).transform(clean, stream(seed, "n")).samples for seed in (0, 1))
    assert not np.array_equal(one, other)
    assert ratio_db(clean.samples, other) == pytest.approx(20, abs=0.02)


def test_silence_has_no_ratio() -> None:
    silence = Waveform(samples=np.zeros(1000, dtype=np.float32), sample_rate_hz=SAMPLE_RATE_HZ)
    made = damage_sound(silence, [Noise(snr_db=20)], partial(stream, 0))
    assert made.realised_snr_db is None
    assert not made.waveform.samples.any()
