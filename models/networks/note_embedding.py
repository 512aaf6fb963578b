"""Tokens to vectors, one embedding per kind of token; the onset itself is encoded elsewhere.

An embedding takes a mask of visible notes, so that no vector depends on a hidden neighbour.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.config.midi import MidiEncoderConfig
from models.tokens import octuple

PITCHES = 128
"""MIDI note numbers."""
STEPS_PER_CONTROL = 127
"""A velocity or pedal value divided by this lies in 0-1."""

TOUCH_PERIODS = (1.0, 2.0, 4.0, 8.0, 16.0)
CONTROL_RANGE = 8.0
"""Times in octaves and controls x `CONTROL_RANGE` both span about 0-10; sinusoids of these
periods form soft histograms, from which a linear layer can read a spread."""

LARGEST_INTERVAL = 24
"""Semitones between neighbours, clipped at two octaves."""

TIMES = ("duration_s", "sounding_s")
CONTROLS = ("velocity", "pedal_onset", "pedal_release", "soft_onset")

INITIAL_SPREAD = 0.02
"""Standard deviation of initial embedding weights. Larger ones let pitch and onset outweigh how a
note is played from the first step on."""


def sinusoids(time_s: Tensor, periods_s: Tensor) -> Tensor:
    """Return sines and cosines (..., 2 x periods) of times in seconds (Vaswani et al. 2017)."""
    angle = 2 * math.pi * time_s[..., None] / periods_s
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def last_visible(visible: Tensor) -> Tensor:
    """Return the place (B, N) of the last visible note at or before each note, -1 without one."""
    place = torch.arange(visible.shape[1], device=visible.device).expand_as(visible)
    return place.masked_fill(~visible, -1).cummax(dim=1).values


def differences(values: Tensor, visible: Tensor) -> Tensor:
    """Return how values (B, N, F) differ from the visible note before and to the one after.

    (B, N, 2 x F); 0 where there is no such note, and for a note that is itself hidden.
    """

    def from_before(value: Tensor, seen: Tensor) -> Tensor:
        before = F.pad(last_visible(seen)[:, :-1], (1, 0), value=-1)[..., None]
        rise = value - value.gather(1, before.clamp_min(0).expand_as(value))
        return rise.masked_fill((before < 0) | ~seen[..., None], 0.0)

    to_after = -from_before(values.flip(1), visible.flip(1)).flip(1)
    return torch.cat([from_before(values, visible), to_after], dim=-1)


class PerformanceEmbedding(nn.Module):
    """Embeds `performance` tokens: pitch, timing, velocity and pedal.

    Each value's differences from the notes before and after are included: unsteady playing shows
    there, and attention is slow to learn subtraction.
    """

    touch_periods: Tensor

    def __init__(self, config: MidiEncoderConfig) -> None:
        super().__init__()
        self.time_unit_s = config.time_unit_s
        self.pitch = nn.Embedding(PITCHES, config.width)
        self.interval = nn.ModuleList(
            nn.Embedding(2 * LARGEST_INTERVAL + 1, config.width) for _ in ("before", "after")
        )
        for table in (self.pitch, *self.interval):
            nn.init.normal_(table.weight, std=INITIAL_SPREAD)
        touch_periods = torch.tensor(TOUCH_PERIODS)
        self.register_buffer("touch_periods", touch_periods, persistent=False)
        features = 3 * (2 + len(TIMES) + len(CONTROLS))  # each itself, and two differences
        self.touch = nn.Sequential(
            nn.Linear(features * 2 * len(TOUCH_PERIODS), config.width),
            nn.GELU(),
            nn.Linear(config.width, config.width),
        )

    def onset_s(self, notes: dict[str, Tensor]) -> Tensor:
        """Return when each note begins, in seconds (B, N)."""
        return notes["onset_s"]

    def forward(self, notes: dict[str, Tensor], visible: Tensor) -> Tensor:
        """Return one vector per note (B, N, width); neighbours are the visible ones."""
        gaps_s = differences(notes["onset_s"][..., None], visible)
        times_s = torch.cat([gaps_s, *(notes[name][..., None] for name in TIMES)], dim=-1)
        values = torch.stack([notes[name] / STEPS_PER_CONTROL for name in CONTROLS], dim=-1)
        # Octaves, as 10 ms against 20 ms matters like 1 s against 2 s.
        own = torch.cat([torch.log2(1 + times_s / self.time_unit_s), CONTROL_RANGE * values], -1)
        touch = sinusoids(torch.cat([own, differences(own, visible)], -1), self.touch_periods)
        pitch = notes["pitch"].long()
        steps = differences(pitch[..., None], visible).clamp(-LARGEST_INTERVAL, LARGEST_INTERVAL)
        embedded: Tensor = self.pitch(pitch) + self.touch(touch.flatten(-2))
        for table, step in zip(self.interval, (steps + LARGEST_INTERVAL).unbind(-1), strict=True):
            embedded = embedded + table(step)
        return embedded


class OctupleEmbedding(nn.Module):
    """Embeds `octuple` tokens as the sum of eight embeddings.

    MusicBERT concatenates and projects eight vectors, which is the same map.
    """

    def __init__(self, config: MidiEncoderConfig) -> None:
        super().__init__()
        self.fields = nn.ModuleDict()
        for name, size in octuple.VOCABULARY.items():
            self.fields[name] = field = nn.Embedding(size, config.width)
            nn.init.normal_(field.weight, std=INITIAL_SPREAD)

    def onset_s(self, notes: dict[str, Tensor]) -> Tensor:
        """Return when each note begins, in seconds (B, N), rounded to the token grid."""
        steps = notes["measure"].long() * octuple.POSITIONS_PER_MEASURE + notes["position"].long()
        return steps * octuple.STEP_S

    def forward(self, notes: dict[str, Tensor], visible: Tensor) -> Tensor:
        """Return one vector per note (B, N, width); neighbours are not read."""
        embedded = [field(notes[name].long()) for name, field in self.fields.items()]
        return torch.stack(embedded).sum(0)
