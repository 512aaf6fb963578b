"""Log-mel frames: the input of the audio models, computed once and stored."""

import functools

import numpy as np
import torch
import torchaudio
from numpy.typing import NDArray

from degradation.errors import UserError
from degradation.waveform import Waveform
from models.config.audio import MelFeatures


@functools.lru_cache(maxsize=4)
def _spectrogram(config: MelFeatures) -> torch.nn.Module:
    transform: torch.nn.Module = torchaudio.transforms.MelSpectrogram(
        sample_rate=config.sample_rate_hz,
        n_fft=config.window_samples,
        hop_length=config.hop_samples,
        f_min=config.lowest_hz,
        f_max=config.highest_hz,
        n_mels=config.bands,
        power=2.0,
        center=True,
        pad_mode="constant",
    )
    return transform


def mel_frame_count(samples: int, sample_rate_hz: int, config: MelFeatures) -> int:
    """Return the number of frames of `samples` at `sample_rate_hz`: one per begun hop."""
    return -(-samples * config.frame_rate_hz // sample_rate_hz)


def log_mel(waveform: Waveform, config: MelFeatures) -> NDArray[np.float16]:
    """Return the log-mel spectrogram, float16 of shape (frames, bands), in dB.

    Sound at another rate is resampled (windowed sinc). Frame i is centred on
    i / `frame_rate_hz` seconds: Hann window, power spectrum, triangular bands on the HTK mel
    scale. 0 dB is the peak bin of a full-scale sine, `floor_db` the minimum. Levels are absolute:
    clips are not normalised, so that a noise floor stays visible. float16 keeps dB to 0.06.

    Raises UserError when there are no samples.
    """
    if len(waveform.samples) == 0:
        raise UserError("the audio is empty; expected at least one sample: record it again")
    samples = torch.from_numpy(waveform.samples.copy())
    if waveform.sample_rate_hz != config.sample_rate_hz:
        samples = torchaudio.functional.resample(
            samples, waveform.sample_rate_hz, config.sample_rate_hz
        )
    full_scale = torch.hann_window(config.window_samples).sum() / 2
    power = _spectrogram(config)(samples) / full_scale**2
    level_db = 10 * torch.log10(power.clamp_min(10 ** (config.floor_db / 10)))
    frames = mel_frame_count(len(waveform.samples), waveform.sample_rate_hz, config)
    return level_db.T[:frames].numpy().astype(np.float16)
