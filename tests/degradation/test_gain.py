import numpy as np
import pytest

from degradation.seeds import stream
from degradation.sound_effects import Gain
from degradation.waveform import Waveform, level_dbfs


@pytest.mark.parametrize("gain_db", [-12.0, 0.0, 6.0])
def test_the_level_changes_by_the_gain_and_the_shape_does_not(gain_db: float) -> None:
    samples = 0.1 * stream(0, "sound").standard_normal(24_000, dtype=np.float32)
    sound = Waveform(samples=samples, sample_rate_hz=24_000)
    louder = Gain(gain_db=gain_db).transform(sound, stream(0, "unused"))
    assert level_dbfs(louder.samples) - level_dbfs(samples) == pytest.approx(gain_db, abs=1e-4)
    assert np.corrcoef(louder.samples, samples)[0, 1] == pytest.approx(1)
