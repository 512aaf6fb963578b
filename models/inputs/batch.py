"""Many examples as one set of padded tensors, and the masks that say what is padding."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.config.experiment import ExperimentConfig
from models.inputs.feature_reader import Features, NoteFeatures
from models.tokens.tokeniser import TokenArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Example:
    """One sample: its features, and its eight scores (float32, (8,)) where it is labelled."""

    features: Features
    scores: NDArray[np.float32] | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class NoteBatch:
    """Notes of B examples: each field of their tokens as (B, notes), true where `mask` is.

    `measures` (B, measures) are plain measures of them, NaN where undefined.
    """

    fields: dict[str, Tensor]
    mask: Tensor
    measures: Tensor

    def each(self, change: Callable[[Tensor], Tensor]) -> "NoteBatch":
        """Return the notes with every tensor changed."""
        return NoteBatch(
            fields={name: change(field) for name, field in self.fields.items()},
            mask=change(self.mask),
            measures=change(self.measures),
        )


@dataclass(slots=True, kw_only=True, eq=False)
class Batch:
    """B examples, padded to the longest; a modality that was not read is None.

    `labels` (B, 8) are the true scores, None where the examples have none; `steps` (B,) are true
    lengths in steps of the common grid, S the longest.
    `audio` (B, S x frames a step, width) are audio features and `audio_frames` (B,) their true
    numbers; `notes` are those that were played, `heard` those that are heard in the sound.
    """

    sample_ids: tuple[str, ...]
    labels: Tensor | None
    steps: Tensor
    audio: Tensor | None
    audio_frames: Tensor | None
    notes: NoteBatch | None
    heard: NoteBatch | None

    @property
    def scores(self) -> Tensor:
        """The true scores (B, 8). Raises ValueError when the examples are not labelled."""
        if self.labels is None:
            raise ValueError("a batch to learn from must have scores, got examples without")
        return self.labels

    def to(self, device: torch.device, non_blocking: bool = False) -> "Batch":
        """Return the batch with its tensors on `device`; Lightning calls this."""

        return self._each(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> "Batch":
        """Return the batch in memory that a GPU reads by itself; a DataLoader calls this."""
        return self._each(Tensor.pin_memory)

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        def changed(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else change(tensor)

        return Batch(
            sample_ids=self.sample_ids,
            labels=changed(self.labels),
            steps=change(self.steps),
            audio=changed(self.audio),
            audio_frames=changed(self.audio_frames),
            notes=self.notes and self.notes.each(change),
            heard=self.heard and self.heard.each(change),
        )


def length_mask(lengths: Tensor, size: int) -> Tensor:
    """Return a (B, size) mask that is true on the first `lengths[b]` places of row b."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]


def pad_audio(clips: Sequence[NDArray[np.float16]], frames: int) -> Tensor:
    """Return clips (frames each, width) as one float32 tensor (B, `frames`, width)."""
    padded = np.zeros((len(clips), frames, clips[0].shape[1]), np.float32)
    for row, clip in zip(padded, clips, strict=True):
        row[: len(clip)] = clip
    return torch.from_numpy(padded)


def pad_notes(clips: Sequence[TokenArray]) -> tuple[dict[str, Tensor], Tensor]:
    """Return each field of the tokens as (B, notes), and the mask of true notes."""
    # At least one place, so that a batch of silence still has tensors to work on.
    padded = np.zeros((len(clips), max(1, *(len(clip) for clip in clips))), clips[0].dtype)
    for row, clip in zip(padded, clips, strict=True):
        row[: len(clip)] = clip
    notes = {name: torch.from_numpy(padded[name].copy()) for name in padded.dtype.names or ()}
    return notes, length_mask(torch.tensor([len(clip) for clip in clips]), padded.shape[1])


def _notes(clips: Sequence[NoteFeatures | None]) -> NoteBatch | None:
    """Return the notes of clips as one batch; None where no clip has any to read."""
    given = [clip for clip in clips if clip is not None]
    if not given:
        return None
    fields, mask = pad_notes([clip.tokens for clip in given])
    measures = torch.from_numpy(np.stack([clip.measures for clip in given]))
    return NoteBatch(fields=fields, mask=mask, measures=measures)


def grid_steps(duration_s: float, grid_rate_hz: int) -> int:
    """Return the steps of the common grid that a duration begins."""
    # A hair less, or a duration that was written in decimals begins a step that is not there.
    return max(1, math.ceil(duration_s * grid_rate_hz - 1e-6))


def collate(examples: Sequence[Example], config: ExperimentConfig) -> Batch:
    """Return `examples` as one batch, in their order: either all are labelled or none.

    Audio frames beyond a clip's last step are left out: rounding can leave one there.
    """
    features = [example.features for example in examples]
    scores = [example.scores for example in examples if example.scores is not None]
    steps = torch.tensor([grid_steps(clip.duration_s, config.grid_rate_hz) for clip in features])
    frames = int(steps.max()) * config.audio_frames_per_step
    audio = [
        clip.audio[: int(length) * config.audio_frames_per_step]
        for clip, length in zip(features, steps, strict=True)
        if clip.audio is not None
    ]
    return Batch(
        sample_ids=tuple(clip.sample_id for clip in features),
        labels=torch.from_numpy(np.stack(scores)) if scores else None,
        steps=steps,
        audio=pad_audio(audio, frames) if audio else None,
        audio_frames=torch.tensor([len(clip) for clip in audio]) if audio else None,
        notes=_notes([clip.notes for clip in features]),
        heard=_notes([clip.heard for clip in features]),
    )
