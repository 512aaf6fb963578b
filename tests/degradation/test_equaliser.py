import numpy as np
import pytest
import scipy.signal

from degradation.seeds import stream
from degradation.sound_effects import Equaliser, EqualiserBand
from degradation.waveform import Waveform

RATE_HZ = 24_000


def response_db(band: EqualiserBand, at_hz: float) -> float:
    _, response = scipy.signal.freqz_sos([band.section(RATE_HZ)], worN=[at_hz], fs=RATE_HZ)
    return float(20 * np.log10(np.abs(response[0])))


@pytest.mark.parametrize("gain_db", [-6.0, 3.0, 12.0])
def test_a_peak_is_its_gain_in_the_middle_and_nothing_far_off(gain_db: float) -> None:
    band = EqualiserBand(shape="peak", frequency_hz=1000, gain_db=gain_db, q=1)
    assert response_db(band, 1000) == pytest.approx(gain_db, abs=1e-6)
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
