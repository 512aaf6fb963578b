"""The note detector: spectrum to onset, sound and velocity of 88 keys, and the pedal's depth."""

import functools
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from degradation.notes import PIANO_PITCHES
from models.config.hearing import DetectorConfig
from models.hearing.spectrum import BANDS, FINE_BANDS, FINE_PER_SEMITONE, QUICK_BANDS
from models.hearing.trained import TrainedDetector

KEYS = len(PIANO_PITCHES)
HARMONICS = (0.5, 1, 2, 3, 4, 5, 6, 7)
"""Multiples of a key's frequency whose bands it sees; the octave below tells it from a harmonic."""

CONTEXT_CHANNELS = 8
"""Channels a key that the context of all keys gives back to it."""

VELOCITY_FRAMES = 7
"""140 ms around an onset tell how loud it is."""

CENTRE_DB, SCALE_DB = -20.0, 20.0
"""Levels are written as (dB - loudness - centre) / scale: see `NoteDetector`."""

RARE = -4.0
"""Initial logit of onset and sound: of 88 keys few sound at a time."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Detection:
    """Logits of what is heard: `onset`, `sounding`, `velocity` (B, 88, T), `pedal` (B, T).

    Sigmoids give an onset's nearness in time, the probability that a key sounds, and velocity and
    pedal depth as shares of 127.
    """

    onset: Tensor
    sounding: Tensor
    velocity: Tensor
    pedal: Tensor


def harmonic_bands() -> Tensor:
    """Return the bands that each key sees, (88, bands); the index `BANDS` stands for none."""

    def band(first: int, count: int, place: int) -> int:
        return first + place if 0 <= place < count else BANDS

    rows = []
    for key in range(KEYS):
        row = []
        for harmonic in HARMONICS:
            semitone = key + 12 * math.log2(harmonic)
            fine = round(FINE_PER_SEMITONE * semitone)
            row += [band(0, FINE_BANDS, fine + beside) for beside in (-1, 0, 1)]
            row.append(band(FINE_BANDS, QUICK_BANDS, round(semitone)))
        rows.append(row)
    return torch.tensor(rows)


def loudness_db(spectrum: Tensor) -> Tensor:
    """Return the level (B, 1, 1) of the mean power of the fine bands of spectra (B, T, bands)."""
    power = torch.pow(10.0, spectrum[..., :FINE_BANDS] / 10)
    return 10 * torch.log10(power.mean((1, 2), keepdim=True))


class NoteDetector(nn.Module):
    """One small network for every key, told what the others do by a context over all of them.

    The tasks are those of Onsets and Frames (Hawthorne et al. 2018), onsets as in Kong et al.
    (2021): a triangle around each, so that its time lies between frames. Weights are shared by
    the keys, which see bands at multiples of their own frequency (harmonic stacking, Bittner et
    al. 2017): there is little else to learn for another key than for this one. Levels are relative
    to the loudness of the whole stretch: nobody knows how far away the microphone was.
    """

    bands: Tensor

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        channels, width = config.key_channels, config.context_width
        self.register_buffer("bands", harmonic_bands(), persistent=False)
        # Keys lie along the height of an image, and time along its width.
        self.attack = nn.Conv2d(self.bands.shape[1], channels, (1, 5), padding=(0, 2))
        self.key = nn.Parameter(torch.zeros(channels, KEYS, 1))
        self.neighbours = nn.Conv2d(channels, channels, 3, padding=1)
        self.attack_norm, self.neighbours_norm = (nn.BatchNorm2d(channels) for _ in range(2))
        self.from_keys = nn.Conv1d(KEYS * channels, width, 1)
        self.from_bands = nn.Conv1d(BANDS, width, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(width, width, 3, padding=2**depth, dilation=2**depth),
                nn.BatchNorm1d(width),
                nn.ReLU(),
            )
            for depth in range(config.context_blocks)
        )
        self.to_keys = nn.Conv1d(width, KEYS * CONTEXT_CHANNELS, 1)
        joined = channels + CONTEXT_CHANNELS
        self.join = nn.Sequential(
            nn.Conv2d(joined, joined, (1, 3), padding=(0, 1)), nn.BatchNorm2d(joined), nn.ReLU()
        )
        self.heads = nn.Conv2d(joined, 2, 1)
        nn.init.constant_(self.heads.bias, RARE)  # type: ignore[arg-type]
        reach = (1, VELOCITY_FRAMES)
        self.velocity = nn.Sequential(
            nn.Conv2d(joined, joined, reach, padding=(0, VELOCITY_FRAMES // 2)),
            nn.BatchNorm2d(joined),
            nn.ReLU(),
            nn.Conv2d(joined, 1, 1),
        )
        self.pedal = nn.Conv1d(width, 1, 1)

    def forward(self, spectrum: Tensor) -> Detection:
        """Return what is heard in spectra (B, T, bands), in dB."""
        levels = (spectrum - loudness_db(spectrum) - CENTRE_DB) / SCALE_DB
        seen = F.pad(levels, (0, 1))[:, :, self.bands].permute(0, 3, 2, 1).contiguous()
        keys = F.relu(self.attack_norm(self.attack(seen) + self.key))
        keys = F.relu(self.neighbours_norm(self.neighbours(keys)))
        context = self.from_keys(keys.flatten(1, 2)) + self.from_bands(levels.transpose(1, 2))
        context = F.relu(context)
        for block in self.blocks:
            context = context + block(context)
        told = self.to_keys(context).unflatten(1, (CONTEXT_CHANNELS, KEYS))
        joined = torch.cat([keys, told], 1)
        onset, sounding = self.heads(self.join(joined)).unbind(1)
        return Detection(
            onset=onset,
            sounding=sounding,
            velocity=self.velocity(joined)[:, 0],
            pedal=self.pedal(context)[:, 0],
        )


def load_detector(trained: TrainedDetector) -> NoteDetector:
    """Return a trained detector in evaluation mode, on the CPU."""
    detector = NoteDetector(trained.config)
    detector.load_state_dict(torch.load(trained.checkpoint, map_location="cpu", weights_only=True))
    return detector.eval()


@functools.lru_cache(maxsize=1)
def warm_detector(trained: TrainedDetector, device: str = "cpu") -> NoteDetector:
    """Return this process's detector, loaded on first use."""
    return load_detector(trained).to(device)
