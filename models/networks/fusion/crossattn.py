"""Fusion by attention in both directions: each step asks the other modality's steps."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.networks.fusion.fused import Fused

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

    Nothing has a bias, so that what is taken is linear in what was offered.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(
        self, asking: Tensor, asked: Tensor, offered: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Return what each step takes, (B, S, W), and the weights (B, heads, S, S).

        `asking` (B, S, W) makes queries, `asked` keys, `offered` values; keys where `mask`
        (B, S) is false weigh nothing. Training uses the fused kernel, which is up to twice as
        fast and keeps no weights: they are None.
        """
        query, key, value = (
            steps.reshape(*steps.shape[:2], self.heads, -1).transpose(1, 2)
            for steps in (self.query(asking), self.key(asked), self.value(offered))
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


def mixing_ratio(own: Tensor, taken: Tensor) -> Tensor:
    """Return |taken| / (|taken| + |own|) over the last axis, 0 where both are nothing."""
    own_norm, taken_norm = (torch.linalg.vector_norm(part.float(), dim=-1) for part in (own, taken))
    total = own_norm + taken_norm
    return torch.where(total > 0, taken_norm / total, 0.0)


class CrossAttentionFusion(nn.Module):
    """Audio asks MIDI and MIDI asks audio; each keeps what it has and adds what it took.

    h = W [x_a + A_m; x_m + M_a] + b, where A_m is what audio's queries took from MIDI and M_a
    what MIDI's queries took from audio (co-attention, as in ViLBERT, Lu et al. 2019, with the
    residual but without norms or feed-forward layers between, which keeps the contributions
    exact). With W = [W_a, W_m], the audio contribution is all that carries audio's values,
    W_a x_a + W_m M_a; the MIDI contribution is the rest, W_m x_m + W_a A_m. Both sides shape
    the weights; the contributions count what was taken, not who was asked.

    Queries and keys, but not values, carry the step's position: without it attention sees two
    bags of steps, and could not learn that the i-th of one goes with the i-th of the other.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width must be a multiple of heads, got {width} and {heads}")
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
                audio_to_midi=mixing_ratio(audio, of_midi),
                midi_to_audio=mixing_ratio(midi, of_audio),
            )
        return fused
