"""The result of every fusion: the fused steps and each modality's contribution."""

from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fused:
    """B clips of S fused steps of width W. Values at padded steps are undefined.

    `steps` (B, S, W) is `audio` + `midi` + a constant, the contributions (B, S, W) of the two
    modalities; a modality whose input is all zero contributes zero. `gate` (B, S, W) lies in 0-1,
    1 is audio; None without a gate.

    Cross-attention in evaluation mode also gives `attention` (B, heads, S, S), whose rows sum to
    1, and `mixing` (B, S), 0-1, under "audio_to_midi" (audio queries MIDI) and "midi_to_audio";
    both are {} otherwise. `mixing` is the share of a step's vector that came from the other
    modality (Kobayashi et al. 2021, "Incorporating residual and normalization layers into
    analysis of masked language models"): see `norm_share`.
    """

    steps: Tensor
    audio: Tensor
    midi: Tensor
    gate: Tensor | None = None
    attention: dict[str, Tensor] = field(default_factory=dict)
    mixing: dict[str, Tensor] = field(default_factory=dict)


def norm_share(part: Tensor, other: Tensor) -> Tensor:
    """Return |part| / (|part| + |other|) over the last axis, float32; NaN where both are 0."""
    part_norm, other_norm = (
        torch.linalg.vector_norm(side.float(), dim=-1) for side in (part, other)
    )
    share: Tensor = part_norm / (part_norm + other_norm)
    return share
