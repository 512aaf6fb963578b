import numpy as np
import pytest
import scipy.signal

from degradation.seeds import stream
from degradation.sound_effects import Bandpass
from degradation.waveform import Waveform

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
    with pytest.raises(ValueError, match="critical frequencies"):
        through(Bandpass(low_hz=200, high_hz=12_000, order=2), np.ones(1000))
