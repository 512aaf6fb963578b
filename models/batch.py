"""Many examples as one set of padded tensors, and the masks that say what is padding."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.parts import Features
from models.tokens import TOKEN_DTYPE, TokenArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Example:
    """One sample to learn from: its features and its eight scores (float32, (8,))."""

    features: Features
    scores: NDArray[np.float32]


@dataclass(slots=True, kw_only=True, eq=False)
class Batch:
    """B examples, padded to the longest; a modality that was not read is None.

    `scores` (B, 8); `mel_frames`, `steps` (B,) are true lengths in log-mel frames and in
    steps of the common grid; `log_mel` (B, frames, bands) in dB; `notes` holds each field of
    `TOKEN_DTYPE` as (B, notes), and `note_mask` (B, notes) is true where there is a note.
    """

    sample_ids: tuple[str, ...]
    scores: Tensor
    mel_frames: Tensor
    steps: Tensor
    log_mel: Tensor | None
    notes: dict[str, Tensor] | None
    note_mask: Tensor | None

    def to(self, device: torch.device, non_blocking: bool = False) -> "Batch":
        """Return the batch with its tensors on `device`; Lightning calls this."""

        def moved(tensor: Tensor) -> Tensor:
            return tensor.to(device, non_blocking=non_blocking)

        return Batch(
            sample_ids=self.sample_ids,
            scores=moved(self.scores),
            mel_frames=moved(self.mel_frames),
            steps=moved(self.steps),
            log_mel=None if self.log_mel is None else moved(self.log_mel),
            notes=self.notes and {name: moved(field) for name, field in self.notes.items()},
            note_mask=None if self.note_mask is None else moved(self.note_mask),
        )


def length_mask(lengths: Tensor, size: int) -> Tensor:
    """Return a (B, size) mask that is true on the first `lengths[b]` places of row b."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]


def _pad_mel(clips: Sequence[NDArray[np.float16]]) -> Tensor:
    padded = np.zeros((len(clips), max(len(clip) for clip in clips), clips[0].shape[1]), np.float32)
    for row, clip in zip(padded, clips, strict=True):
        row[: len(clip)] = clip
    return torch.from_numpy(padded)


def _pad_notes(clips: Sequence[TokenArray]) -> tuple[dict[str, Tensor], Tensor]:
    # At least one place, so that a batch of silence still has tensors to work on.
    padded = np.zeros((len(clips), max(1, *(len(clip) for clip in clips))), TOKEN_DTYPE)
    for row, clip in zip(padded, clips, strict=True):
        row[: len(clip)] = clip
    notes = {name: torch.from_numpy(padded[name].copy()) for name in TOKEN_DTYPE.names or ()}
    return notes, length_mask(torch.tensor([len(clip) for clip in clips]), padded.shape[1])


def collate(examples: Sequence[Example], mel_frames_per_step: int) -> Batch:
    """Return `examples` as one batch, in their order."""
    features = [example.features for example in examples]
    mel_frames = torch.tensor([sample.mel_frames for sample in features])
    mels = [sample.log_mel for sample in features if sample.log_mel is not None]
    tokens = [sample.tokens for sample in features if sample.tokens is not None]
    notes, note_mask = _pad_notes(tokens) if tokens else (None, None)
    return Batch(
        sample_ids=tuple(sample.sample_id for sample in features),
        scores=torch.from_numpy(np.stack([example.scores for example in examples])),
        mel_frames=mel_frames,
        steps=-(-mel_frames // mel_frames_per_step),
        log_mel=_pad_mel(mels) if mels else None,
        notes=notes,
        note_mask=note_mask,
    )
