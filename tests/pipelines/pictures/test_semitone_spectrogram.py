import numpy as np
import pytest

from degradation.waveform import Waveform
from pipelines.pictures.semitone_spectrogram import semitone_edges_hz, semitone_power


@pytest.mark.parametrize("sample_rate_hz", [16_000, 24_000, 44_100])
@pytest.mark.parametrize("key_hz", [220.0, 440.0, 3520.0])
def test_a_sine_lands_in_its_semitone_with_its_power(key_hz: float, sample_rate_hz: int) -> None:
    time_s = np.arange(2 * sample_rate_hz) / sample_rate_hz
    sine = (0.5 * np.sin(2 * np.pi * key_hz * time_s)).astype(np.float32)
    waveform = Waveform(samples=sine, sample_rate_hz=sample_rate_hz)
    edges_hz = semitone_edges_hz(sample_rate_hz / 2)
    power = semitone_power(waveform, edges_hz)
    middle = power[:, power.shape[1] // 2]
    assert middle.argmax() == round(12 * np.log2(key_hz / 27.5))
    assert middle.sum() == pytest.approx(0.125, rel=0.01)


def test_the_bands_end_below_the_highest_frequency() -> None:
    edges_hz = semitone_edges_hz(8000)
    assert edges_hz[-1] <= 8000 < edges_hz[-1] * 2 ** (1 / 12)
