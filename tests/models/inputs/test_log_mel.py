import numpy as np
import pytest

from degradation.errors import UserError
from degradation.waveform import Waveform
from models.config.experiment import ExperimentConfig
from models.inputs.log_mel import log_mel


def sine(frequency_hz: float, duration_s: float, rate_hz: int, gain: float = 1.0) -> Waveform:
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    samples = (gain * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)
    return Waveform(samples=samples, sample_rate_hz=rate_hz)


@pytest.mark.parametrize(("duration_s", "frames"), [(10.0, 200), (1.0, 20), (0.51, 11), (0.01, 1)])
@pytest.mark.parametrize("rate_hz", [16_000, 24_000, 44_100])
def test_one_frame_for_each_begun_hop(
    demo_config: ExperimentConfig, duration_s: float, frames: int, rate_hz: int
) -> None:
    spectrogram = log_mel(sine(440, duration_s, rate_hz), demo_config.audio_features)
    assert spectrogram.shape == (frames, demo_config.audio_features.bands)
    assert spectrogram.dtype == np.float16
    assert np.isfinite(spectrogram).all()


def test_level_is_absolute(demo_config: ExperimentConfig) -> None:
    loud = log_mel(sine(1000, 1, 16_000), demo_config.audio_features).astype(float)
    soft = log_mel(sine(1000, 1, 16_000, gain=0.1), demo_config.audio_features).astype(float)
    assert loud[5:-5].max() == pytest.approx(0, abs=2.5)
    assert (loud - soft)[5:-5].max(axis=1) == pytest.approx(20, abs=0.2)


def test_the_band_rises_with_the_pitch(demo_config: ExperimentConfig) -> None:
    peaks = [
        int(log_mel(sine(hz, 1, 24_000), demo_config.audio_features)[10].argmax())
        for hz in (200, 800, 2000, 6000)
    ]
    assert peaks == sorted(set(peaks))


def test_silence_lies_on_the_floor(demo_config: ExperimentConfig) -> None:
    silence = Waveform(samples=np.zeros(16_000, np.float32), sample_rate_hz=16_000)
    assert (
        log_mel(silence, demo_config.audio_features) == demo_config.audio_features.floor_db
    ).all()


def test_a_sound_stands_in_the_frame_of_its_time(demo_config: ExperimentConfig) -> None:
    samples = np.zeros(32_000, np.float32)
    samples[16_000:16_160] = 0.5
    spectrogram = log_mel(
        Waveform(samples=samples, sample_rate_hz=16_000), demo_config.audio_features
    )
    assert spectrogram.max(axis=1).argmax() == demo_config.audio_features.frame_rate_hz


def test_the_same_sound_gives_the_same_bytes(demo_config: ExperimentConfig) -> None:
    tone = sine(440, 1, 24_000, gain=0.3)
    assert (
        log_mel(tone, demo_config.audio_features).tobytes()
        == log_mel(tone, demo_config.audio_features).tobytes()
    )


def test_empty_audio_is_refused(demo_config: ExperimentConfig) -> None:
    with pytest.raises(UserError, match="empty"):
        log_mel(
            Waveform(samples=np.zeros(0, np.float32), sample_rate_hz=16_000),
            demo_config.audio_features,
        )
