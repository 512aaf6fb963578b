"""The `mel` audio encoder: log-mel frames to one vector a step of the common time grid."""

import torch.nn.functional as F
from torch import Tensor, nn

from models.batch import length_mask
from models.config import AudioEncoderConfig


class ConvBlock(nn.Module):
    """x + W gelu(conv(norm x)): normalised inside, so that the sum keeps absolute level."""

    def __init__(self, width: int, kernel_frames: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = nn.Conv1d(width, width, kernel_frames, padding=kernel_frames // 2)
        self.mix = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Return frames (B, T, width) of the same shape; padding (mask false) stays unheard."""
        quiet = self.norm(frames) * mask[..., None]
        heard = F.gelu(self.conv(quiet.transpose(1, 2)).transpose(1, 2))
        mixed: Tensor = frames + self.dropout(self.mix(heard))
        return mixed


class MelEncoder(nn.Module):
    """A small convolutional network over time, trained from scratch.

    Bands are channels (as in Whisper, Radford et al. 2022); residual blocks at the mel
    rate, a mean over the frames of each grid step, residual blocks at the grid's rate.
    """

    def __init__(self, bands: int, frames_per_step: int, config: AudioEncoderConfig) -> None:
        super().__init__()
        self.frames_per_step = frames_per_step
        self.centre_db, self.scale_db = config.centre_db, config.scale_db
        self.width = config.width
        kernel = config.kernel_frames
        self.stem = nn.Conv1d(bands, config.width, kernel, padding=kernel // 2)

        def blocks() -> nn.ModuleList:
            return nn.ModuleList(
                ConvBlock(config.width, kernel, config.dropout) for _ in range(config.blocks)
            )

        self.fine, self.coarse = blocks(), blocks()

    def forward(self, log_mel: Tensor, mel_frames: Tensor) -> Tensor:
        """Return (B, steps, width) from (B, frames, bands) in dB and true lengths (B,).

        Steps = ceil(frames / frames_per_step); values at padded steps mean nothing.
        """
        padding = -log_mel.shape[1] % self.frames_per_step
        log_mel = F.pad(log_mel, (0, 0, 0, padding))
        mask = length_mask(mel_frames, log_mel.shape[1])
        standard = (log_mel - self.centre_db) / self.scale_db * mask[..., None]
        frames = F.gelu(self.stem(standard.transpose(1, 2)).transpose(1, 2))
        for block in self.fine:
            frames = block(frames, mask)
        steps = log_mel.shape[1] // self.frames_per_step
        grouped = (frames * mask[..., None]).reshape(-1, steps, self.frames_per_step, self.width)
        present = mask.reshape(-1, steps, self.frames_per_step).sum(2)
        averaged: Tensor = grouped.sum(2) / present.clamp_min(1)[..., None]
        for block in self.coarse:
            averaged = block(averaged, present > 0)
        return averaged
