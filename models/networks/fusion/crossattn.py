"""Fusion by attention in both directions: each step attends to the other modality's steps."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.networks.fusion.fused import Fused, norm_share

LONGEST_WAVELENGTH = 10_000.0
"""Wavelengths of `step_positions` run from 1 to this, times 2 pi steps (Vaswani et al. 2017)."""


def step_positions(steps: int, width: int, device: torch.device) -> Tensor:
    """Return sinusoids (steps, width) of each step's index (Vaswani et al. 2017, 3.5)."""
    pairs = -(-width // 2)
    rate = LONGEST_WAVELENGTH ** (-torch.arange(pairs, device=device) / pairs)
    angle = torch.arange(steps, device=device)[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)[:, :width]


class CrossAttention(nn.Module):
    """Multi-head attention of one modality's steps over the other's (Vaswani et al. 2017).

    No layer has a bias, so that the output is linear in the values.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(
        self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Return the attended values (B, S, W) and the weights (B, heads, S, S).

        The inputs are (B, S, W); keys where `mask` (B, S) is false get weight 0. Training uses
        the fused kernel, up to twice as fast, which returns no weights: None.
        """
        query, key, value = (
            steps.reshape(*steps.shape[:2], self.heads, -1).transpose(1, 2)
            for steps in (self.query(queries), self.key(keys), self.value(values))
        )
        real = mask[:, None, None, :]
        weight = None
        if self.training:
            taken = F.scaled_dot_product_attention(query, key, value, attn_mask=real)
        else:
            score = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
            weight = score.float().masked_fill(~real, -torch.inf).softmax(dim=-1)
            taken = weight.to(value.dtype) @ value
        return self.out(taken.transpose(1, 2).flatten(2)), weight


class CrossAttentionFusion(nn.Module):
    """Audio attends to MIDI, MIDI attends to audio, and each is added to its own steps.

    h = W [x_a + A_m; x_m + M_a] + b, where A_m are the MIDI values that audio's queries attend
    to and M_a the audio values that MIDI's queries attend to. This is co-attention (ViLBERT, Lu et
    al. 2019) with the residual but without norms and feed-forward layers, so that contributions
    stay exact: with W = [W_a, W_m], audio contributes every term that carries audio's values,
    W_a x_a + W_m M_a, and MIDI the rest, W_m x_m + W_a A_m.

    Queries and keys carry the step's position, values do not. Without positions attention could
    not learn that step i of one modality belongs to step i of the other.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.audio_to_midi = CrossAttention(width, heads)
        self.midi_to_audio = CrossAttention(width, heads)
        self.linear = nn.Linear(2 * width, width)

    def forward(self, audio: Tensor, midi: Tensor, mask: Tensor) -> Fused:
        """Fuse two (B, S, W) sequences on one time grid; `mask` (B, S) is true on real steps."""
        where = step_positions(audio.shape[1], audio.shape[2], audio.device).to(audio.dtype)
        placed_audio, placed_midi = audio + where, midi + where
        of_midi, to_midi = self.audio_to_midi(placed_audio, placed_midi, midi, mask)
        of_audio, to_audio = self.midi_to_audio(placed_midi, placed_audio, audio, mask)
        audio_weight, midi_weight = self.linear.weight.chunk(2, dim=1)
        from_audio = F.linear(audio, audio_weight) + F.linear(of_audio, midi_weight)
        from_midi = F.linear(midi, midi_weight) + F.linear(of_midi, audio_weight)
        fused = Fused(
            steps=from_audio + from_midi + self.linear.bias, audio=from_audio, midi=from_midi
        )
        if to_midi is not None and to_audio is not None:
            fused.attention.update(audio_to_midi=to_midi, midi_to_audio=to_audio)
            fused.mixing.update(
                audio_to_midi=norm_share(of_midi, audio).nan_to_num(),
                midi_to_audio=norm_share(of_audio, midi).nan_to_num(),
            )
        return fused
