"""The audio encoder: feature frames to one vector per step of the common time grid."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.config.audio import AudioEncoderConfig
from models.inputs.batch import length_mask


class ConvBlock(nn.Module):
    """x + W gelu(conv(norm x)): only the branch is normalised, so the sum keeps the level."""

    def __init__(self, width: int, kernel_frames: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = nn.Conv1d(width, width, kernel_frames, padding=kernel_frames // 2)
        self.mix = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Return frames (B, T, width) of the same shape; padding (mask false) is not read."""
        normed = self.norm(frames) * mask[..., None]
        filtered = F.gelu(self.conv(normed.transpose(1, 2)).transpose(1, 2))
        mixed: Tensor = frames + self.dropout(self.mix(filtered))
        return mixed


class AudioEncoder(nn.Module):
    """A small convolutional network over time, or only the mean of each step's frames.

    The values of a frame are channels (as mel bands in Whisper, Radford et al. 2022). Each value's
    difference from its mean over the clip is a second channel: gain, equaliser and microphone add
    a constant to a band's decibels, which the difference removes (cepstral mean normalisation,
    Atal 1974). Residual blocks run at the features' rate, frames are averaged per grid step, and
    residual blocks run at the grid's rate. Without a width (MERT) only the average remains.
    """

    def __init__(
        self, features_width: int, frames_per_step: int, config: AudioEncoderConfig
    ) -> None:
        super().__init__()
        self.frames_per_step = frames_per_step
        self.centre, self.scale = config.centre, config.scale
        self.width = config.width or features_width
        kernel = config.kernel_frames
        self.stem = (
            nn.Conv1d(2 * features_width, config.width, kernel, padding=kernel // 2)
            if config.width
            else None
        )

        def blocks() -> nn.ModuleList:
            return nn.ModuleList(
                ConvBlock(self.width, kernel, config.dropout) for _ in range(config.blocks)
            )

        self.fine, self.coarse = blocks(), blocks()

    def forward(self, audio: Tensor, audio_frames: Tensor) -> Tensor:
        """Return (B, S, width) from (B, S x frames a step, features) and true lengths (B,).

        Values at padded steps are undefined.
        """
        mask = length_mask(audio_frames, audio.shape[1])
        frames = (audio - self.centre) / self.scale * mask[..., None]
        if self.stem is not None:
            mean = frames.sum(1, keepdim=True) / audio_frames[:, None, None]
            frames = torch.cat([frames, (frames - mean) * mask[..., None]], dim=-1)
            frames = F.gelu(self.stem(frames.transpose(1, 2)).transpose(1, 2))
        for block in self.fine:
            frames = block(frames, mask)
        steps = audio.shape[1] // self.frames_per_step
        grouped = (frames * mask[..., None]).reshape(-1, steps, self.frames_per_step, self.width)
        present = mask.reshape(-1, steps, self.frames_per_step).sum(2)
        averaged: Tensor = grouped.sum(2) / present.clamp_min(1)[..., None]
        for block in self.coarse:
            averaged = block(averaged, present > 0)
        return averaged
