"""Clips of sound with the notes behind them, read from the shards a row group at a time."""

import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from degradation.notes import Performance
from degradation.render import Instrument, render
from degradation.seeds import stream
from degradation.waveform import Waveform
from models.config.hearing import HearingConfig
from models.hearing.spectrum import FRAME_RATE_HZ, HOP_SAMPLES, at_rate, frame_count
from models.hearing.targets import DetectorTargets, detector_targets
from models.inputs.stream import shuffled
from storage.audio import decode_audio
from storage.midi import read_midi
from storage.tables import Table, data_file_rows, read_data_file

BUFFER_STRETCHES = 512
"""Stretches that move among each other: half a gigabyte, and the rows of sixteen row groups, in
which each passage stands several times."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clip:
    """A row's sound and the notes that were played; `instrument` is None where it was recorded."""

    sample_id: str
    sound: Waveform
    played: Performance
    instrument: Instrument | None

    def without_recording(self) -> Waveform | None:
        """Return the notes without room and noise, as the instrument alone gives them."""
        return None if self.instrument is None else render(self.played, self.instrument)


@dataclass(frozen=True, slots=True)
class Place:
    """A row group of a data file, and which of its rows are of a split."""

    path: str
    group: int
    rows: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class ClipTable:
    """A recipe's pairs, pinned to a version."""

    table: Table
    version: int

    def places(self, split: str) -> list[Place]:
        """Return where the distinct rows of a split lie, in stored order."""
        return [place for of, place in self._places if of == split]

    @cached_property
    def _places(self) -> list[tuple[str, Place]]:
        """The places of every split: each epoch asks for them, and a version never changes."""
        found = []
        for path in data_file_rows(self.table, self.version):
            groups = read_data_file(self.table, path, ["split", "duplicate_of"])
            for number, group in enumerate(groups):
                rows: dict[str, list[int]] = defaultdict(list)
                about = (group[name].to_pylist() for name in ("split", "duplicate_of"))
                for row, (split, original) in enumerate(zip(*about, strict=True)):
                    if original is None:
                        rows[split].append(row)
                found += [(split, Place(path, number, tuple(at))) for split, at in rows.items()]
        return found

    def read(self, place: Place) -> Iterator[Clip]:
        """Yield the clips of a place."""
        columns = ["sample_id", "audio", "midi", "instrument", "audio_source"]
        (group,) = read_data_file(self.table, place.path, columns, [place.group])
        for row in group.take(list(place.rows)).to_pylist():
            played = read_midi(row["midi"]["bytes"], row["midi"]["path"])
            rendered = row["audio_source"] == "rendered"
            yield Clip(
                sample_id=row["sample_id"],
                sound=decode_audio(row["audio"]["bytes"], row["audio"]["path"]),
                played=played,
                instrument=(
                    Instrument.model_validate_json(row["instrument"]) if rendered else None
                ),
            )


@dataclass(slots=True, kw_only=True, eq=False)
class HearingBatch:
    """B stretches of sound (B, samples) at the detector's rate, and their `DetectorTargets`."""

    sound: Tensor
    onset: Tensor
    sounding: Tensor
    velocity: Tensor
    pedal: Tensor

    def to(self, device: torch.device, non_blocking: bool = False) -> "HearingBatch":
        """Return the batch with its tensors on `device`; Lightning calls this."""
        tensors = {name: getattr(self, name) for name in self.__slots__}
        moved = {name: one.to(device, non_blocking=non_blocking) for name, one in tensors.items()}
        return HearingBatch(**moved)


def _frames_of(clip: Clip) -> int:
    return frame_count(len(clip.sound.samples) / clip.sound.sample_rate_hz)


def _stretch(clip: Clip, first: int, frames: int) -> tuple[Tensor, DetectorTargets]:
    """Return `frames` frames of a clip from `first` on, silence after its end."""
    rate_hz, length = clip.sound.sample_rate_hz, _frames_of(clip)
    begin, end = (round(at * rate_hz / FRAME_RATE_HZ) for at in (first, first + frames))
    samples = at_rate(
        Waveform(samples=clip.sound.samples[begin:end].copy(), sample_rate_hz=rate_hz)
    )
    sound = torch.zeros(frames * HOP_SAMPLES)
    sound[: min(len(samples), len(sound))] = samples[: len(sound)]
    whole = detector_targets(clip.played, max(length, first + frames))
    part = slice(first, first + frames)
    targets = DetectorTargets(
        **{name: getattr(whole, name)[..., part] for name in DetectorTargets.__slots__}
    )
    return sound, targets


def collate(stretches: list[tuple[Tensor, DetectorTargets]]) -> HearingBatch:
    """Return stretches as one batch, in their order."""
    targets = {
        name: torch.from_numpy(np.stack([getattr(target, name) for _, target in stretches]))
        for name in DetectorTargets.__slots__
    }
    return HearingBatch(sound=torch.stack([sound for sound, _ in stretches]), **targets)


def whole_clip(clip: Clip) -> HearingBatch:
    """Return a clip as a batch of one."""
    return collate([_stretch(clip, 0, _frames_of(clip))])


class Stretches(IterableDataset[HearingBatch]):
    """An epoch of the training split: a stretch from each of `clips_per_epoch` clips, or of all.

    Which, in which order and where follows from the seed and the epoch.
    """

    def __init__(self, source: ClipTable, config: HearingConfig, seed: int, epoch: int) -> None:
        self._source, self._config = source, config
        self._places, self._drawn = source.places("train"), (seed, "hearing", str(epoch))

    def _clips(self) -> Iterator[Clip]:
        left = self._config.clips_per_epoch
        for number in stream(*self._drawn, "order").permutation(len(self._places)):
            place = self._places[number]
            yield from itertools.islice(self._source.read(place), left)
            left -= min(left, len(place.rows))

    def __iter__(self) -> Iterator[HearingBatch]:
        rng = stream(*self._drawn, "stretches")
        frames = round(self._config.crop_s * FRAME_RATE_HZ)

        def somewhere(clip: Clip) -> tuple[Tensor, DetectorTargets]:
            return _stretch(clip, int(rng.integers(max(0, _frames_of(clip) - frames) + 1)), frames)

        stretches = map(somewhere, self._clips())
        mixed = shuffled(stretches, BUFFER_STRETCHES, rng)
        while group := list(itertools.islice(mixed, self._config.batch_size)):
            yield collate(group)
