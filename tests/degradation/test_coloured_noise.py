import numpy as np
import pytest

from degradation.seeds import stream
from degradation.sound_effects import COLOURS, FALL, Colour, ColouredNoise, coloured_noise
from degradation.waveform import Waveform, snr_db

RATE_HZ = 24_000


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
