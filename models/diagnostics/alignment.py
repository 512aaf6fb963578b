"""How well two modalities are aligned: retrieval, CKA and the best shift, all in float64.

A figure that is undefined (too few rows, no variance) is None.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

FEWEST_ROWS = 4
"""The unbiased estimate of HSIC needs four different rows."""


def centred(rows: Tensor) -> Tensor:
    """Return rows (n, width) minus their mean, float64; equal float32 rows become exactly 0."""
    return rows.double() - rows.double().mean(dim=0)


def _unbiased_hsic(x: Tensor, y: Tensor) -> float:
    """Return n (n - 3) times the unbiased linear HSIC of centred rows."""
    n = len(x)
    x_norms, y_norms = x.square().sum(dim=1), y.square().sum(dim=1)
    return float(
        (x.T @ y).square().sum()
        - n / (n - 2) * (x_norms @ y_norms)
        + x_norms.sum() * y_norms.sum() / ((n - 1) * (n - 2))
    )


def linear_cka(x: Tensor, y: Tensor) -> float | None:
    """Return the linear centred kernel alignment of rows (n, p) and (n, q), debiased.

    HSIC(x, y) / sqrt(HSIC(x, x) HSIC(y, y)) with linear kernels (Kornblith et al. 2019,
    "Similarity of neural network representations revisited"). 1: equal up to a rotation, a
    shift and one scale; 0: independent. HSIC is the unbiased estimate of Song et al. (2012), as
    the plain one grows with p q / n and makes unrelated vectors of 512 channels look similar. So
    the figure can be slightly negative. A small bias remains, as steps of one clip are dependent.
    """
    if len(x) < FEWEST_ROWS:
        return None
    x, y = centred(x), centred(y)
    norm = _unbiased_hsic(x, x) * _unbiased_hsic(y, y)
    return _unbiased_hsic(x, y) / math.sqrt(norm) if norm > 0 else None


def retrieval_at_1(audio: Tensor, midi: Tensor) -> float | None:
    """Return how often the nearest clip of the other modality is the clip itself, 0-1.

    `audio` and `midi` (clips, width) hold one vector per clip in the same order. Each side is
    centred on its mean over clips; similarity is the cosine. Mean of both directions; chance is
    1 / clips.
    """
    if len(audio) < 2:
        return None
    cosine = F.normalize(centred(audio), dim=1) @ F.normalize(centred(midi), dim=1).T
    truth = torch.arange(len(cosine))
    hits = [(cosine.argmax(dim=axis) == truth).double().mean() for axis in (0, 1)]
    return float(torch.stack(hits).mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Steps by which the audio is late (negative: early), and the CKA at that shift."""

    steps: int
    cka: float


def best_shift(audio: Sequence[Tensor], midi: Sequence[Tensor], largest_shift: int) -> Shift | None:
    """Return the shift of audio against MIDI, in steps, with the highest CKA.

    `audio` and `midi` hold one (steps, width) sequence per clip. MIDI step t is paired with audio
    step t + shift, for the middle steps of each clip, so that every shift has equally many pairs
    and none crosses clips. Each clip is centred on its own mean: differences between clips would
    hide those between moments. Clips of up to 2 x `largest_shift` steps are left out; None when
    none remains. Of equals, the shift nearest to 0.

    Audio is about one step late by nature: a note sounds in full only in the step after its onset.
    """
    pairs = [
        (centred(sound), centred(notes))
        for sound, notes in zip(audio, midi, strict=True)
        if len(sound) > 2 * largest_shift
    ]
    if not pairs:
        return None
    held = torch.cat([notes[largest_shift : len(notes) - largest_shift] for _, notes in pairs])
    found: list[Shift] = []
    for steps in sorted(range(-largest_shift, largest_shift + 1), key=abs):
        begin = largest_shift + steps
        slid = [sound[begin : begin + len(sound) - 2 * largest_shift] for sound, _ in pairs]
        cka = linear_cka(torch.cat(slid), held)
        if cka is not None:
            found.append(Shift(steps=steps, cka=cka))
    return max(found, key=lambda shift: shift.cka, default=None)
