"""The MIDI encoder: a transformer over notes, whose outputs are then laid on the time grid."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.config import MidiEncoderConfig

PITCHES = 128
"""MIDI note numbers."""
STEPS_PER_CONTROL = 127
"""A velocity or pedal value divided by this lies in 0-1."""

TOUCH_PERIODS = (1.0, 2.0, 4.0, 8.0, 16.0)
CONTROL_RANGE = 8.0
"""Times in octaves and controls x `CONTROL_RANGE` both span about 0-10; sinusoids of these
periods make soft histograms of them, from which a linear layer can read a spread."""


def sinusoids(time_s: Tensor, periods_s: Tensor) -> Tensor:
    """Return sines and cosines (..., 2 x periods) of times in seconds (Vaswani et al. 2017)."""
    angle = 2 * math.pi * time_s[..., None] / periods_s
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def gaps_s(onset_s: Tensor, note_mask: Tensor) -> Tensor:
    """Return the times (B, N, 2) from the previous onset and to the next; 0 at the ends."""
    gap_s = onset_s.diff(dim=1) * note_mask[:, 1:]
    return torch.stack([F.pad(gap_s, (1, 0)), F.pad(gap_s, (0, 1))], dim=-1)


def notes_on_steps(
    embedded: Tensor, onset_s: Tensor, note_mask: Tensor, steps: int, grid_rate_hz: int
) -> tuple[Tensor, Tensor]:
    """Lay notes on the time grid: the mean of those struck during each step.

    `embedded` (B, N, D), `onset_s` and `note_mask` (B, N). Step j spans
    [j, j + 1) / `grid_rate_hz` seconds; an onset beyond the grid joins the last step, so that
    none is dropped. Returns means (B, steps, D), 0 where nothing is struck, and the number
    of notes (B, steps).
    """
    batch, _, width = embedded.shape
    step = (onset_s.double() * grid_rate_hz).long().clamp(0, steps - 1)
    place = (step + steps * torch.arange(batch, device=step.device)[:, None])[note_mask]
    total = embedded.new_zeros(batch * steps, width).index_add(0, place, embedded[note_mask])
    ones = torch.ones_like(place, dtype=embedded.dtype)
    count = embedded.new_zeros(batch * steps).index_add(0, place, ones)
    mean = total / count.clamp_min(1)[:, None]
    return mean.view(batch, steps, width), count.view(batch, steps)


class NoteEncoder(nn.Module):
    """`performance` tokens through a pre-norm transformer, pooled onto steps by onset."""

    periods_s: Tensor
    touch_periods: Tensor

    def __init__(self, grid_rate_hz: int, config: MidiEncoderConfig) -> None:
        super().__init__()
        self.grid_rate_hz = grid_rate_hz
        self.width = config.width
        self.time_unit_s = config.time_unit_s
        periods_s = torch.logspace(
            math.log10(config.shortest_period_s),
            math.log10(config.longest_period_s),
            config.width // 2,
        )
        self.register_buffer("periods_s", periods_s, persistent=False)
        self.pitch = nn.Embedding(PITCHES, config.width)
        self.when = nn.Linear(config.width, config.width, bias=False)
        # Small, or what is played and when drowns how it is played from the first step on.
        nn.init.normal_(self.pitch.weight, std=0.02)
        nn.init.normal_(self.when.weight, std=0.02)
        touch_periods = torch.tensor(TOUCH_PERIODS)
        self.register_buffer("touch_periods", touch_periods, persistent=False)
        self.touch = nn.Sequential(
            nn.Linear(8 * 2 * len(TOUCH_PERIODS), config.width),
            nn.GELU(),
            nn.Linear(config.width, config.width),
        )
        layer = nn.TransformerEncoderLayer(
            config.width,
            config.heads,
            config.feedforward,
            config.dropout,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        # Dropped attention weights would cost the fused kernel and half of the training's time.
        layer.self_attn.dropout = 0.0
        self.layers = nn.TransformerEncoder(
            layer, config.layers, nn.LayerNorm(config.width), enable_nested_tensor=False
        )
        self.nothing_struck = nn.Parameter(torch.zeros(config.width))

    def embed(self, notes: dict[str, Tensor], note_mask: Tensor) -> Tensor:
        """Return one vector a note, (B, N, width), before the notes have heard each other."""
        onset_s = notes["onset_s"]
        times_s = torch.cat(
            [
                gaps_s(onset_s, note_mask),
                torch.stack([notes["duration_s"], notes["sounding_s"]], -1),
            ],
            -1,
        )
        controls = ("velocity", "pedal_onset", "pedal_release", "soft_onset")
        values = torch.stack([notes[name] / STEPS_PER_CONTROL for name in controls], -1)
        # Octaves of time, as a gap of 10 ms against 20 and one of 1 s against 2 matter alike.
        octaves = torch.log2(1 + times_s / self.time_unit_s)
        touch = sinusoids(torch.cat([octaves, CONTROL_RANGE * values], -1), self.touch_periods)
        embedded: Tensor = (
            self.pitch(notes["pitch"].long())
            + self.touch(touch.flatten(-2))
            + self.when(sinusoids(onset_s, self.periods_s))
        )
        return embedded

    def forward(self, notes: dict[str, Tensor], note_mask: Tensor, steps: int) -> Tensor:
        """Return (B, steps, width); steps in which nothing is struck get a learned vector."""
        # Attention over no note at all is 0 / 0: a silent clip attends to its padding,
        # which is then not laid on any step.
        hidden = ~note_mask & note_mask.any(1, keepdim=True)
        heard = self.layers(self.embed(notes, note_mask), src_key_padding_mask=hidden)
        mean, count = notes_on_steps(heard, notes["onset_s"], note_mask, steps, self.grid_rate_hz)
        return torch.where(count[..., None] > 0, mean, self.nothing_struck.to(mean.dtype))
