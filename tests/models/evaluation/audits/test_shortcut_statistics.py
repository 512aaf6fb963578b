"""Meters on signals whose readings are known."""

from functools import partial

import numpy as np
import pytest
import scipy.signal

from degradation.factored import FactoredRecipe
from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, SUSTAIN, Performance
from degradation.nuisance import draw_recording
from degradation.seeds import stream
from degradation.waveform import Waveform
from models.evaluation.audits.shortcut_statistics import (
    DRAWN,
    FAINTEST_DBFS,
    PLAYING,
    RECORDING,
    SHAPES,
    drawn_statistics,
    playing_statistics,
    recording_statistics,
    sound_statistics,
    spectrogram,
)
from pipelines.settings import find_recipe
from storage.audio import encode_flac
from storage.factored_columns import recording_quality

RATE_HZ = 24_000
LENGTH = 10 * RATE_HZ


def sound(samples: np.ndarray) -> Waveform:
    return Waveform(samples=samples.astype(np.float32), sample_rate_hz=RATE_HZ)


def noise(dbfs: float, seed: int = 1) -> np.ndarray:
    return 10 ** (dbfs / 20) * stream(seed, "noise").standard_normal(LENGTH)


def sine(frequency_hz: float, amplitude: float = 0.5) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * frequency_hz * np.arange(LENGTH) / RATE_HZ)


def bursts() -> np.ndarray:
    """Half a second of a tone in every second, and nothing between."""
    return sine(440) * (np.arange(LENGTH) % RATE_HZ < RATE_HZ // 2)


def test_what_was_drawn_is_read_back() -> None:
    recipe = find_recipe("factored")
    assert isinstance(recipe, FactoredRecipe)
    wet, dry = (
        recipe.nuisance.model_copy(
            update={
                "room_share": share,
                "noise": recipe.nuisance.noise.model_copy(update={"share": share}),
            }
        )
        for share in (1.0, 0.0)
    )
    recordings = [
        draw_recording(nuisance, 1, "factored", partial(stream, 2)) for nuisance in (wet, dry)
    ]
    found, none = (drawn_statistics(recording_quality(one)) for one in recordings)
    assert list(found) == [one.name for one in DRAWN]
    recording = recordings[0]
    assert recording.room
    assert recording.noise
    assert found["rt60_s"] == recording.room.rt60_s(recording.instrument.sample_rate_hz) > 0
    assert found["snr_db"] == recording.noise.snr_db
    assert found["gain_db"] == recording.gain.gain_db
    assert found["high_hz"] == recording.band.high_hz
    for band, name in zip(recording.equaliser.bands, SHAPES, strict=True):
        key = name.replace(" ", "_")
        assert found[f"{key}_hz"] == pytest.approx(band.frequency_hz, rel=1e-4)
        assert found[f"{key}_db"] == pytest.approx(band.gain_db, abs=0.01)
    assert (none["rt60_s"], none["snr_db"]) == (0.0, 100.0)
    assert found["noise"] != none["noise"]
    assert found["instrument"] == none["instrument"]


def test_a_sine_has_the_level_and_the_crest_of_a_sine() -> None:
    found = sound_statistics(sound(sine(1000)))
    assert found["peak_dbfs"] == pytest.approx(-6.02, abs=0.01)
    assert found["level_dbfs"] == pytest.approx(-9.03, abs=0.01)
    assert found["crest_db"] == pytest.approx(3.01, abs=0.01)
    assert found["centroid_hz"] == pytest.approx(1000, abs=12)
    assert found["bandwidth_hz"] < 12


@pytest.mark.parametrize("dbfs", [-70.0, -50.0, -30.0])
def test_white_noise_reads_its_own_level(dbfs: float) -> None:
    found = sound_statistics(sound(noise(dbfs)))
    assert found["level_dbfs"] == pytest.approx(dbfs, abs=0.1)
    assert found["noise_floor_dbfs"] == pytest.approx(dbfs, abs=0.3)
    share_above_5_khz = 10 * np.log10(7 / 12)
    assert found["high_noise_floor_dbfs"] == pytest.approx(dbfs + share_above_5_khz, abs=0.3)


@pytest.mark.parametrize("snr_db", [20, 35])
def test_the_floor_is_that_of_the_noise_whatever_is_played_over_it(snr_db: float) -> None:
    level = sound_statistics(sound(bursts()))["level_dbfs"]
    found = sound_statistics(sound(bursts() + noise(level - snr_db)))
    assert found["noise_floor_dbfs"] == pytest.approx(level - snr_db, abs=0.5)
    assert found["level_dbfs"] == pytest.approx(level, abs=0.1)


@pytest.mark.parametrize(("low_hz", "high_hz"), [(200, 3000), (500, 6000)])
def test_band_limited_noise_has_the_edges_of_its_band(low_hz: float, high_hz: float) -> None:
    sections = scipy.signal.butter(8, (low_hz, high_hz), "bandpass", output="sos", fs=RATE_HZ)
    found = sound_statistics(sound(scipy.signal.sosfilt(sections, noise(-20))))
    width_hz = high_hz - low_hz
    assert found["low_edge_hz"] == pytest.approx(low_hz + 0.05 * width_hz, abs=0.03 * width_hz)
    assert found["rolloff_hz"] == pytest.approx(low_hz + 0.95 * width_hz, abs=0.03 * width_hz)
    assert found["centroid_hz"] == pytest.approx((low_hz + high_hz) / 2, rel=0.03)
    assert found["bandwidth_hz"] == pytest.approx(width_hz / np.sqrt(12), rel=0.05)


def test_silence_and_an_offset_are_seen() -> None:
    found = sound_statistics(sound(bursts() + 1e-4))
    assert found["silence_share"] == pytest.approx(0.5, abs=0.01)
    assert found["dc_offset"] == pytest.approx(1e-4, abs=2e-6)


def test_digital_silence_is_finite() -> None:
    found = sound_statistics(sound(np.zeros(LENGTH)))
    assert np.isfinite(list(found.values())).all()
    assert found["level_dbfs"] == found["noise_floor_dbfs"] == FAINTEST_DBFS
    assert found["silence_share"] == 1


def test_the_bins_of_a_window_sum_to_its_power() -> None:
    power, frequency_hz = spectrogram(sound(noise(-20)))
    assert 10 * np.log10(power.sum(axis=1).mean()) == pytest.approx(-20, abs=0.05)
    assert frequency_hz[-1] == RATE_HZ / 2


def test_a_sound_shorter_than_a_window_is_refused() -> None:
    with pytest.raises(ValueError, match="2048 samples or more, got 100"):
        spectrogram(sound(np.zeros(100)))


def test_a_file_tells_its_size_and_header() -> None:
    flac = encode_flac(sound(noise(-30)))
    found = recording_statistics(flac, "x.flac")
    assert tuple(found) == tuple(one.name for one in RECORDING)
    header = [found[name] for name in ("sample_rate_hz", "bit_depth", "channels", "duration_s")]
    assert header == [24_000, 16, 1, 10]
    assert found["file_bytes"] == len(flac)
    assert recording_statistics(encode_flac(sound(noise(-60))), "x")["file_bytes"] < len(flac)


def test_notes_are_counted() -> None:
    rows = [(0, 0.0, 1.0, 60, 40), (1, 1.0, 2.0, 64, 60)]
    pedal = np.array([(time_s, SUSTAIN, 127) for time_s in (0.0, 1.0, 2.0)], PEDAL_DTYPE)
    performance = Performance(notes=np.array(rows, NOTE_DTYPE), pedal=pedal, duration_s=4.0)
    found = playing_statistics(performance, b"12345")
    assert tuple(found) == tuple(one.name for one in PLAYING)
    assert list(found.values()) == [2, 0.5, 50, 10, 62, 3, 5]
    nothing = Performance(
        notes=np.zeros(0, NOTE_DTYPE), pedal=np.zeros(0, PEDAL_DTYPE), duration_s=4.0
    )
    assert list(playing_statistics(nothing, b"").values()) == [0] * 7
