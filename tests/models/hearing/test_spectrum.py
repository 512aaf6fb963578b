"""The spectrum tells semitones and moments."""

import numpy as np
import pytest
import torch

from degradation.errors import UserError
from degradation.waveform import Waveform
from models.hearing.spectrum import (
    BANDS,
    FINE_BANDS,
    FRAME_RATE_HZ,
    LOWEST_HZ,
    RATE_HZ,
    at_rate,
    frame_count,
    pitch_spectrum,
)


def tone(frequency_hz: float, level: float = 1.0, duration_s: float = 1.0) -> torch.Tensor:
    time_s = torch.arange(int(duration_s * RATE_HZ)) / RATE_HZ
    return level * torch.sin(2 * torch.pi * frequency_hz * time_s)


@pytest.mark.parametrize("key", range(24, 88, 7))
def test_a_tone_is_loudest_in_its_own_band_and_at_0_db(key: int) -> None:
    frame = pitch_spectrum(tone(LOWEST_HZ * 2 ** (key / 12))[None])[0, 25]
    fine, quick = frame[:FINE_BANDS], frame[FINE_BANDS:]
    assert abs(int(fine.argmax()) - 2 * key) <= (0 if key > 30 else 1)
    assert fine.max() == pytest.approx(0, abs=2)
    if key > 48:
        assert int(quick.argmax()) == key


def test_neighbouring_keys_are_told_apart_from_the_middle_of_the_piano_up() -> None:
    for key in (39, 60, 80):
        level = pitch_spectrum(tone(LOWEST_HZ * 2 ** (key / 12))[None])[0, 25, :FINE_BANDS]
        assert level[2 * key] - level[2 * (key + 2)] > 10


def test_a_frame_is_centred_on_its_moment() -> None:
    click = torch.zeros(1, RATE_HZ)
    click[0, RATE_HZ // 2] = 1.0
    loudest = pitch_spectrum(click)[0, :, FINE_BANDS:].mean(-1).argmax()
    assert int(loudest) == FRAME_RATE_HZ // 2


def test_silence_is_the_floor_and_sizes_are_as_documented() -> None:
    found = pitch_spectrum(torch.zeros(2, RATE_HZ))
    assert found.shape == (2, FRAME_RATE_HZ + 1, BANDS)
    assert (found == -100).all()
    assert frame_count(1.0) == FRAME_RATE_HZ


def test_sound_at_another_rate_is_resampled_and_none_is_refused() -> None:
    samples = np.sin(2 * np.pi * 440 * np.arange(24_000) / 24_000).astype(np.float32)
    resampled = at_rate(Waveform(samples=samples, sample_rate_hz=24_000))
    assert len(resampled) == RATE_HZ
    np.testing.assert_allclose(resampled[2000:14000], tone(440.0)[2000:14000], atol=0.01)
    with pytest.raises(UserError, match="the audio is empty"):
        at_rate(Waveform(samples=np.zeros(0, np.float32), sample_rate_hz=RATE_HZ))
