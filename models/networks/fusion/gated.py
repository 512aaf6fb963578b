"""Fusion by a gate that weighs the two modalities in each channel of each step."""

import torch
from torch import Tensor, nn

from models.networks.fusion.fused import Fused


class GatedFusion(nn.Module):
    """The gated multimodal unit (GMU; Arevalo et al. 2017), at each step of the time grid.

    h = z * tanh(W_a x_a) + (1 - z) * tanh(W_m x_m), z = sigmoid(W_z [x_a; x_m]).
    The gate alone is not a modality's contribution: that also depends on the norms of both sides.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.audio = nn.Linear(width, width, bias=False)
        self.midi = nn.Linear(width, width, bias=False)
        self.gate = nn.Linear(2 * width, width, bias=False)

    def forward(self, audio: Tensor, midi: Tensor, mask: Tensor) -> Fused:
        """Fuse two (B, S, W) sequences on one time grid; `mask` (B, S) is not used."""
        gate = torch.sigmoid(self.gate(torch.cat([audio, midi], dim=-1)))
        from_audio = gate * torch.tanh(self.audio(audio))
        from_midi = (1 - gate) * torch.tanh(self.midi(midi))
        return Fused(steps=from_audio + from_midi, audio=from_audio, midi=from_midi, gate=gate)
