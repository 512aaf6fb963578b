"""Filters, gain and noise, measured in the sound."""

import io
from functools import partial

import numpy as np
import pytest
import scipy.signal
import scipy.stats
import soundfile

from degradation.degrade import damage_sound
from degradation.factored import FactoredRecipe
from degradation.linear import filter_sound, frequency_grid
from degradation.notes import Performance
from degradation.nuisance import make_rooms
from degradation.render import render
from degradation.seeds import stream
from degradation.sound_effects import (
    COLOURS,
    FALL,
    Bandpass,
    Colour,
    ColouredNoise,
    Equaliser,
    EqualiserBand,
    Gain,
    Noise,
    coloured_noise,
)
from degradation.tiered import TieredRecipe
from degradation.waveform import Waveform, level_dbfs, power, snr_db

SAMPLE_RATE_HZ = 24_000
BAND = Bandpass(low_hz=200, high_hz=6000, order=2)


def through(bandpass: Bandpass, samples: np.ndarray) -> np.ndarray:
    waveform = Waveform(samples=samples.astype(np.float32), sample_rate_hz=SAMPLE_RATE_HZ)
    filtered: np.ndarray = bandpass.transform(waveform, stream(0, "unused")).samples
    return filtered


def gain_db(bandpass: Bandpass, frequency_hz: float) -> float:
    """Measured on a sine, away from its ends."""
    time_s = np.arange(4 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    sine = 0.5 * np.sin(2 * np.pi * frequency_hz * time_s)
    middle = slice(SAMPLE_RATE_HZ, 3 * SAMPLE_RATE_HZ)
    passed = through(bandpass, sine)[middle].astype(np.float64)
    return 20 * float(np.log10(passed.std() / sine[middle].std()))


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize(("low_hz", "high_hz"), [(200, 6000), (100, 8000), (500, 1000)])
def test_the_corners_are_at_minus_6_db(low_hz: float, high_hz: float, order: int) -> None:
    band = Bandpass(low_hz=low_hz, high_hz=high_hz, order=order)
    assert gain_db(band, low_hz) == pytest.approx(-6.02, abs=0.05)
    assert gain_db(band, high_hz) == pytest.approx(-6.02, abs=0.05)
    assert gain_db(band, np.sqrt(low_hz * high_hz)) == pytest.approx(0, abs=0.05)


def test_an_impulse_response_has_the_same_corners() -> None:
    impulse = np.zeros(2 * SAMPLE_RATE_HZ)
    impulse[SAMPLE_RATE_HZ] = 1
    response = np.abs(np.fft.rfft(through(BAND, impulse).astype(np.float64)))
    frequency_hz = np.fft.rfftfreq(len(impulse), 1 / SAMPLE_RATE_HZ)
    passed_hz = frequency_hz[20 * np.log10(response + 1e-12) >= -6.02]
    assert passed_hz.min() == pytest.approx(200, rel=0.01)
    assert passed_hz.max() == pytest.approx(6000, rel=0.01)


def test_what_lies_outside_the_band_falls_away() -> None:
    assert gain_db(BAND, 1000) == pytest.approx(0, abs=0.1)
    assert gain_db(BAND, 50) < -40
    assert gain_db(BAND, 11_000) < -40


def test_no_onset_moves() -> None:
    """The response to an impulse is symmetric about it: nothing is delayed."""
    at = SAMPLE_RATE_HZ // 2
    impulse = np.zeros(SAMPLE_RATE_HZ + 1)
    impulse[at] = 1
    response = through(BAND, impulse)
    assert np.argmax(np.abs(response)) == at
    assert np.abs(response - response[::-1]).max() < 1e-5


def test_the_attack_of_a_tone_stays_where_it_is() -> None:
    time_s = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    struck = np.where(time_s >= 0.3, np.exp(-4 * (time_s - 0.3)) * np.sin(8000 * time_s), 0.0)
    passed = through(BAND, struck)
    lag = np.argmax(scipy.signal.correlate(passed, struck, mode="full")) - (len(struck) - 1)
    assert lag == 0


def test_a_band_beyond_half_the_sample_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="below half the sample rate, 12000, got 12000"):
        through(Bandpass(low_hz=200, high_hz=12_000, order=2), np.ones(1000))


RATE_HZ = 24_000


def response_db(band: EqualiserBand, at_hz: float) -> float:
    grid = frequency_grid(10 * RATE_HZ, RATE_HZ)
    return float(20 * np.log10(np.abs(band.response(grid)[10 * round(at_hz)])))


@pytest.mark.parametrize("gain_db", [-6.0, 3.0, 12.0])
def test_a_peak_is_its_gain_in_the_middle_and_nothing_far_off(gain_db: float) -> None:
    band = EqualiserBand(shape="peak", frequency_hz=1000, gain_db=gain_db, q=1)
    assert response_db(band, 1000) == pytest.approx(gain_db, abs=1e-4)
    assert response_db(band, 5) == pytest.approx(0, abs=0.01)
    assert response_db(band, 11_990) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("gain_db", [-6.0, 3.0, 12.0])
@pytest.mark.parametrize(
    ("shape", "within_hz", "beyond_hz"), [("low_shelf", 5, 11_990), ("high_shelf", 11_990, 5)]
)
def test_a_shelf_is_its_gain_on_one_side_half_in_the_middle_and_nothing_on_the_other(
    gain_db: float, shape: str, within_hz: float, beyond_hz: float
) -> None:
    band = EqualiserBand.model_validate(
        {"shape": shape, "frequency_hz": 1000, "gain_db": gain_db, "q": 0.707}
    )
    assert response_db(band, within_hz) == pytest.approx(gain_db, abs=0.01)
    assert response_db(band, 1000) == pytest.approx(gain_db / 2, abs=0.01)
    assert response_db(band, beyond_hz) == pytest.approx(0, abs=0.01)


BANDS = (
    EqualiserBand(shape="low_shelf", frequency_hz=80, gain_db=-6, q=0.707),
    EqualiserBand(shape="peak", frequency_hz=300, gain_db=6, q=2),
    EqualiserBand(shape="high_shelf", frequency_hz=8000, gain_db=5, q=0.707),
)


def cookbook_section(band: EqualiserBand) -> np.ndarray:
    """The second-order section as Bristow-Johnson writes it."""
    root, omega = 10 ** (band.gain_db / 40), 2 * np.pi * band.frequency_hz / RATE_HZ
    cos, alpha = np.cos(omega), np.sin(omega) / (2 * band.q)
    plus, minus, slope = root + 1, root - 1, 2 * np.sqrt(root) * alpha
    if band.shape == "peak":
        b = [1 + alpha * root, -2 * cos, 1 - alpha * root]
        a = [1 + alpha / root, -2 * cos, 1 - alpha / root]
    elif band.shape == "low_shelf":
        b = [plus - minus * cos + slope, 2 * (minus - plus * cos), plus - minus * cos - slope]
        a = [plus + minus * cos + slope, -2 * (minus + plus * cos), plus + minus * cos - slope]
        b = [root * each for each in b]
    else:
        b = [plus + minus * cos + slope, -2 * (minus + plus * cos), plus + minus * cos - slope]
        a = [plus - minus * cos + slope, 2 * (minus - plus * cos), plus - minus * cos - slope]
        b = [root * each for each in b]
    return np.array([*b, *a]) / a[0]


def music() -> Waveform:
    """Loud noise that starts and ends in the middle of the window, as a struck note would."""
    samples = np.zeros(3 * RATE_HZ, dtype=np.float32)
    samples[RATE_HZ : 2 * RATE_HZ] = 0.3 * stream(0, "m").standard_normal(RATE_HZ)
    return Waveform(samples=samples, sample_rate_hz=RATE_HZ)


def test_an_equaliser_is_its_sections_one_after_the_other() -> None:
    sections = np.stack([cookbook_section(band) for band in BANDS])
    expected = scipy.signal.sosfilt(sections, music().samples.astype(np.float64))
    heard = Equaliser(bands=BANDS).transform(music(), stream(0, "unused")).samples
    assert np.abs(heard - expected).max() < 10 ** (-110 / 20)


@pytest.mark.parametrize(
    ("low_hz", "high_hz", "order"), [(20, 11_500, 2), (200, 6000, 2), (99, 101, 1), (300, 3000, 8)]
)
def test_a_band_is_a_butterworth_filter_run_both_ways(
    low_hz: float, high_hz: float, order: int
) -> None:
    corners_hz = (low_hz, high_hz)
    sections = scipy.signal.butter(order, corners_hz, btype="bandpass", output="sos", fs=RATE_HZ)
    padded = np.pad(music().samples.astype(np.float64), 10 * RATE_HZ)
    expected = scipy.signal.sosfiltfilt(sections, padded)[10 * RATE_HZ : -10 * RATE_HZ]
    band = Bandpass(low_hz=low_hz, high_hz=high_hz, order=order)
    heard = band.transform(music(), stream(0, "unused")).samples
    assert np.abs(heard - expected).max() < 10 ** (-90 / 20)


def test_filters_in_one_pass_are_filters_one_after_the_other(factored: FactoredRecipe) -> None:
    room = make_rooms(factored.nuisance.rooms, factored.seed, factored.name)[0]
    chain = [room, Equaliser(bands=BANDS), BAND, Gain(gain_db=-3)]
    longer = Waveform(samples=np.pad(music().samples, (0, 3 * RATE_HZ)), sample_rate_hz=RATE_HZ)
    one_by_one = longer
    for operation in chain:
        one_by_one = operation.transform(one_by_one, stream(0, "unused"))
    at_once = filter_sound(music(), chain).samples
    assert np.abs(at_once - one_by_one.samples[: len(at_once)]).max() < 10 ** (-90 / 20)


def test_nothing_wraps_round_the_window() -> None:
    """What rings on after the end is not heard at the beginning."""
    click = np.zeros(RATE_HZ, dtype=np.float32)
    click[-1] = 1
    slow = Bandpass(low_hz=2, high_hz=11_000, order=2)
    heard = slow.transform(Waveform(samples=click, sample_rate_hz=RATE_HZ), stream(0, "unused"))
    alone = np.pad(click, (10 * RATE_HZ, 10 * RATE_HZ))
    whole = slow.transform(Waveform(samples=alone, sample_rate_hz=RATE_HZ), stream(0, "unused"))
    expected = whole.samples[10 * RATE_HZ : 11 * RATE_HZ]
    assert np.abs(heard.samples - expected).max() < 10 ** (-90 / 20)


def test_no_gain_is_no_change() -> None:
    samples = 0.1 * stream(0, "sound").standard_normal(RATE_HZ, dtype=np.float32)
    flat = Equaliser(
        bands=tuple(
            EqualiserBand.model_validate(
                {"shape": shape, "frequency_hz": 500, "gain_db": 0, "q": 0.7}
            )
            for shape in ("low_shelf", "peak", "high_shelf")
        )
    )
    sound = Waveform(samples=samples, sample_rate_hz=RATE_HZ)
    heard = flat.transform(sound, stream(0, "unused"))
    assert heard.samples == pytest.approx(samples, abs=1e-6)


@pytest.mark.parametrize("gain_db", [-12.0, 0.0, 6.0])
def test_the_level_changes_by_the_gain_and_the_shape_does_not(gain_db: float) -> None:
    samples = 0.1 * stream(0, "sound").standard_normal(24_000, dtype=np.float32)
    sound = Waveform(samples=samples, sample_rate_hz=24_000)
    louder = Gain(gain_db=gain_db).transform(sound, stream(0, "unused"))
    assert level_dbfs(louder.samples) - level_dbfs(samples) == pytest.approx(gain_db, abs=1e-4)
    assert np.corrcoef(louder.samples, samples)[0, 1] == pytest.approx(1)


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


@pytest.mark.parametrize("colour", COLOURS)
def test_power_falls_with_frequency_as_the_colour_says(colour: Colour) -> None:
    noise = coloured_noise(colour, 40 * RATE_HZ, RATE_HZ, stream(0, colour))
    power = np.abs(np.fft.rfft(noise)) ** 2
    hz = np.fft.rfftfreq(len(noise), 1 / RATE_HZ)
    octaves_hz = 50 * 2.0 ** np.arange(8)
    level_db = [
        10 * np.log10(power[(hz >= low) & (hz < 2 * low)].mean()) for low in octaves_hz[:-1]
    ]
    slope = np.polyfit(np.arange(7), level_db, 1)[0]
    assert slope == pytest.approx(-10 * np.log10(2) * FALL[colour], abs=0.15)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("asked_db", [0.0, 20.0, 45.0])
def test_the_snr_is_the_one_asked_for(colour: Colour, asked_db: float) -> None:
    samples = 0.1 * stream(1, "sound").standard_normal(RATE_HZ, dtype=np.float32)
    sound = Waveform(samples=samples, sample_rate_hz=RATE_HZ)
    noisy = ColouredNoise(colour=colour, snr_db=asked_db).transform(sound, stream(0, "n"))
    assert snr_db(sound.samples, noisy.samples) == pytest.approx(asked_db, abs=0.01)


def test_silence_stays_silent() -> None:
    silence = Waveform(samples=np.zeros(RATE_HZ, np.float32), sample_rate_hz=RATE_HZ)
    noisy = ColouredNoise(colour="pink", snr_db=10).transform(silence, stream(0, "n"))
    assert not noisy.samples.any()
