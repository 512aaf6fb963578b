import numpy as np
import pytest

from degradation.errors import UserError
from degradation.waveform import Waveform, level_dbfs, power, snr_db


def test_samples_must_be_one_row_of_float32() -> None:
    for samples in (np.zeros(4), np.zeros((2, 4), dtype=np.float32)):
        with pytest.raises(ValueError, match="float32 of shape"):
            Waveform(samples=samples, sample_rate_hz=24_000)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_audio_that_is_not_finite_is_refused_in_one_line(bad: float) -> None:
    samples = np.zeros(100, dtype=np.float32)
    samples[3:5] = bad
    with pytest.raises(UserError, match=r"2 samples that are NaN or infinite; expected") as caught:
        Waveform(samples=samples, sample_rate_hz=24_000)
    assert "\n" not in str(caught.value)


def test_a_waveform_cannot_be_changed_and_knows_its_length() -> None:
    waveform = Waveform(samples=np.zeros(12_000, dtype=np.float32), sample_rate_hz=24_000)
    assert waveform.duration_s == 0.5
    with pytest.raises(ValueError, match="read-only"):
        waveform.samples[0] = 1


def test_levels_of_known_signals() -> None:
    sine = np.sin(2 * np.pi * np.arange(24_000) / 24).astype(np.float32)
    assert power(sine) == pytest.approx(0.5)
    assert level_dbfs(sine) == pytest.approx(-3.01, abs=0.01)
    assert level_dbfs(np.ones(100, dtype=np.float32)) == 0
    assert level_dbfs(np.zeros(100)) == -np.inf
    assert power(np.zeros(0)) == 0


def test_power_is_summed_in_double_precision() -> None:
    """A float32 sum of a million squares would be off in the fourth digit."""
    assert power(np.full(1_000_000, 0.1, dtype=np.float32)) == pytest.approx(0.01, rel=1e-6)


def test_the_ratio_of_two_signals() -> None:
    signal = np.ones(100)
    assert snr_db(signal, signal + 0.1) == pytest.approx(20)
    assert snr_db(signal, signal - 10) == pytest.approx(-20)
    assert snr_db(signal, signal) == np.inf
