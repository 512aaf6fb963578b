"""Notes as vectors, one reader a kind of token: what a note is, apart from when it begins.

A reader is told which notes are visible, so that what it says of a note beside a hidden one
gives nothing of the hidden one away.
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
periods make soft histograms of them, from which a linear layer can read a spread."""

LARGEST_INTERVAL = 24
"""Semitones between neighbours; larger ones are taken as two octaves."""

TIMES = ("duration_s", "sounding_s")
CONTROLS = ("velocity", "pedal_onset", "pedal_release", "soft_onset")

INITIAL_SPREAD = 0.02
"""Standard deviation of the first weights of embeddings. Small, or what is played and when drowns
how it is played from the first step on."""


def sinusoids(time_s: Tensor, periods_s: Tensor) -> Tensor:
    """Return sines and cosines (..., 2 x periods) of times in seconds (Vaswani et al. 2017)."""
    angle = 2 * math.pi * time_s[..., None] / periods_s
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def last_visible(visible: Tensor) -> Tensor:
    """Return the place (B, N) of the last visible note up to each one, itself included; or -1."""
    place = torch.arange(visible.shape[1], device=visible.device).expand_as(visible)
    return place.masked_fill(~visible, -1).cummax(dim=1).values


def differences(values: Tensor, visible: Tensor) -> Tensor:
    """Return by how much values (B, N, F) of notes rise from the visible note before each one.

    And to the one after: (B, N, 2 x F). 0 where there is no such note, and for a note that is not
    visible itself.
    """

    def from_before(value: Tensor, seen: Tensor) -> Tensor:
        before = F.pad(last_visible(seen)[:, :-1], (1, 0), value=-1)[..., None]
        rise = value - value.gather(1, before.clamp_min(0).expand_as(value))
        return rise.masked_fill((before < 0) | ~seen[..., None], 0.0)

    to_after = -from_before(values.flip(1), visible.flip(1)).flip(1)
    return torch.cat([from_before(values, visible), to_after], dim=-1)


class PerformanceEmbedding(nn.Module):
    """Reads `performance` tokens: pitch, and how it is struck, held, pedalled and spaced.

    Of each also how it differs from the notes before and after: unsteady playing shows there, and
    attention learns but slowly to subtract.
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
        """Return one vector a note, (B, N, width); neighbours are those that are visible."""
        gaps_s = differences(notes["onset_s"][..., None], visible)
        times_s = torch.cat([gaps_s, *(notes[name][..., None] for name in TIMES)], dim=-1)
        values = torch.stack([notes[name] / STEPS_PER_CONTROL for name in CONTROLS], dim=-1)
        # Octaves of time, as a gap of 10 ms against 20 and one of 1 s against 2 matter alike.
        own = torch.cat([torch.log2(1 + times_s / self.time_unit_s), CONTROL_RANGE * values], -1)
        touch = sinusoids(torch.cat([own, differences(own, visible)], -1), self.touch_periods)
        pitch = notes["pitch"].long()
        steps = differences(pitch[..., None], visible).clamp(-LARGEST_INTERVAL, LARGEST_INTERVAL)
        embedded: Tensor = self.pitch(pitch) + self.touch(touch.flatten(-2))
        for table, step in zip(self.interval, (steps + LARGEST_INTERVAL).unbind(-1), strict=True):
            embedded = embedded + table(step)
        return embedded


class OctupleEmbedding(nn.Module):
    """Reads `octuple` tokens: the sum of eight embeddings.

    MusicBERT concatenates eight vectors and projects them; a sum of eight is the same map, the
    projection folded into the vectors.
    """

    def __init__(self, config: MidiEncoderConfig) -> None:
        super().__init__()
        self.fields = nn.ModuleDict()
        for name, size in octuple.VOCABULARY.items():
            self.fields[name] = field = nn.Embedding(size, config.width)
            nn.init.normal_(field.weight, std=INITIAL_SPREAD)

    def onset_s(self, notes: dict[str, Tensor]) -> Tensor:
        """Return when each note begins, in seconds (B, N), as far as the grid knows."""
        steps = notes["measure"].long() * octuple.POSITIONS_PER_MEASURE + notes["position"].long()
        return steps * octuple.STEP_S

    def forward(self, notes: dict[str, Tensor], visible: Tensor) -> Tensor:
        """Return one vector a note, (B, N, width); each note is read by itself."""
        embedded = [field(notes[name].long()) for name, field in self.fields.items()]
        return torch.stack(embedded).sum(0)
