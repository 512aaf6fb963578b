"""What a fusion did in each clip by itself."""

import torch
from torch import Tensor

from models.networks.fusion.fused import Fused


def clip_means(values: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of (B, S) values over each clip's real steps, (B,)."""
    return torch.where(mask, values, 0.0).sum(dim=1) / mask.sum(dim=1)


def audio_share_by_clip(fused: Fused, mask: Tensor) -> Tensor:
    """Return the mean over a clip's real steps of |a| / (|a| + |m|), float32 (B,).

    a and m are the contributions that sum to the fused step (see `FusionDiagnostics`). Steps
    of nothing are left out; a clip of nothing else is nan.
    """
    audio, midi = (
        torch.linalg.vector_norm(side.float(), dim=2) for side in (fused.audio, fused.midi)
    )
    total = audio + midi
    there = mask & (total != 0)
    return clip_means(torch.where(there, audio / total, 0.0), there)


def gate_by_clip(fused: Fused, mask: Tensor) -> Tensor | None:
    """Return the mean gate over channels and a clip's real steps, float32 (B,), 1 is audio.

    None without a gate.
    """
    return None if fused.gate is None else clip_means(fused.gate.float().mean(dim=2), mask)
