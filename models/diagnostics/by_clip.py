"""Diagnostics of a fusion, one value per clip."""

import torch
from torch import Tensor

from models.networks.fusion.fused import Fused, norm_share


def clip_means(values: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of (B, S) values over each clip's real steps, (B,)."""
    return torch.where(mask, values, 0.0).sum(dim=1) / mask.sum(dim=1)


def audio_share_by_clip(fused: Fused, mask: Tensor) -> Tensor:
    """Return the mean over a clip's real steps of |a| / (|a| + |m|), float32 (B,).

    a and m are the contributions that sum to the fused step (see `FusionDiagnostics`). Steps
    where both are 0 are left out; a clip of only such steps is nan.
    """
    share = norm_share(fused.audio, fused.midi)
    return clip_means(share, mask & ~share.isnan())


def gate_by_clip(fused: Fused, mask: Tensor) -> Tensor | None:
    """Return the mean gate over channels and a clip's real steps, float32 (B,), 1 is audio.

    None without a gate.
    """
    return None if fused.gate is None else clip_means(fused.gate.float().mean(dim=2), mask)
