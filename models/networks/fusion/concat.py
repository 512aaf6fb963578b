"""Fusion by concatenation: one linear map of both modalities side by side."""

import torch.nn.functional as F
from torch import Tensor, nn

from models.networks.fusion.fused import Fused


class ConcatFusion(nn.Module):
    """h = W [x_a; x_m] + b at each step, computed as a sum of two known contributions.

    The simplest joint representation (Baltrusaitis et al. 2019, "Multimodal machine learning"):
    the baseline of the other fusions.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * width, width)

    def forward(self, audio: Tensor, midi: Tensor, mask: Tensor) -> Fused:
        """Fuse two (B, S, W) sequences on one time grid; `mask` (B, S) is not used."""
        audio_weight, midi_weight = self.linear.weight.chunk(2, dim=1)
        from_audio, from_midi = F.linear(audio, audio_weight), F.linear(midi, midi_weight)
        steps = from_audio + from_midi + self.linear.bias
        return Fused(steps=steps, audio=from_audio, midi=from_midi)
