"""Two modalities as one: each fusion takes audio and MIDI steps and returns `Fused`."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fused:
    """Fused steps (B, steps, width) and, where there is one, the gate (same shape, 1 is audio)."""

    steps: Tensor
    gate: Tensor | None


class GatedFusion(nn.Module):
    """The gated multimodal unit (Arevalo et al. 2017), at each step of the time grid.

    h = z * tanh(W_a x_a) + (1 - z) * tanh(W_m x_m), z = sigmoid(W_z [x_a; x_m]).
    The gate alone is not a modality's contribution: weigh it with the norms of both sides.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.audio = nn.Linear(width, width, bias=False)
        self.midi = nn.Linear(width, width, bias=False)
        self.gate = nn.Linear(2 * width, width, bias=False)

    def forward(self, audio: Tensor, midi: Tensor) -> Fused:
        """Return the fusion of two (B, steps, width) sequences on one time grid."""
        gate = torch.sigmoid(self.gate(torch.cat([audio, midi], dim=-1)))
        steps = gate * torch.tanh(self.audio(audio)) + (1 - gate) * torch.tanh(self.midi(midi))
        return Fused(steps=steps, gate=gate)
