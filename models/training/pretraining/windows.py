"""Windows of performances, masked, in padded batches: streamed, never a corpus in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset

from degradation.notes import Performance, cut_window
from degradation.seeds import stream
from models.config.experiment import ExperimentConfig
from models.inputs.batch import pad_notes
from models.tokens.tokenisers import TOKENISERS
from models.training.pretraining.masking import (
    JUDGING,
    LEARNING,
    MaskedWindow,
    Showing,
    mask_window,
)
from models.training.pretraining.source import PerformanceSource


@dataclass(slots=True, kw_only=True, eq=False)
class MaskedBatch:
    """B windows, padded to the longest.

    `notes` holds each field of the shown tokens as (B, N); `note_mask` (B, N) is true where
    there is a note, `hidden` and `guessed` (B, N) where it is hidden, and is to be guessed.
    `classes` (guessed notes, fields) follow in the order of `guessed`'s rows.
    """

    notes: dict[str, Tensor]
    note_mask: Tensor
    hidden: Tensor
    guessed: Tensor
    classes: Tensor


def collate(windows: Sequence[MaskedWindow]) -> MaskedBatch:
    """Return `windows` as one batch, in their order."""
    notes, note_mask = pad_notes([window.shown for window in windows])

    def laid_out(chosen: Sequence[NDArray[np.bool_]]) -> Tensor:
        placed = torch.zeros_like(note_mask)
        placed[note_mask] = torch.from_numpy(np.concatenate(chosen))
        return placed

    return MaskedBatch(
        notes=notes,
        note_mask=note_mask,
        hidden=laid_out([window.masking.hidden for window in windows]),
        guessed=laid_out([window.masking.guessed for window in windows]),
        classes=torch.from_numpy(np.concatenate([window.classes for window in windows])),
    )


def window_starts_s(
    duration_s: float, window_s: float, rng: np.random.Generator | None
) -> NDArray[np.float64]:
    """Return where windows begin: one in each whole `window_s` of music, at least one in all.

    At a random place in it, or without `rng` at its beginning; none ends after the music where
    that is long enough.
    """
    count = max(1, int(duration_s // window_s))
    place = np.arange(count) + (0.0 if rng is None else rng.random(count))
    latest_s = max(0.0, duration_s - window_s)
    return np.asarray(np.minimum(place * window_s, latest_s), np.float64)


def cut_windows(
    performance: Performance, window_s: float, rng: np.random.Generator | None
) -> Iterator[Performance]:
    """Yield a performance's windows in which a note is struck (see `window_starts_s`)."""
    for start_s in window_starts_s(performance.duration_s, window_s, rng):
        window = cut_window(performance, float(start_s), window_s)
        if len(window.notes):
            yield window


def pooled(
    windows: Iterator[MaskedWindow],
    batch_size: int,
    pool_windows: int,
    rng: np.random.Generator | None,
) -> Iterator[MaskedBatch]:
    """Yield batches of windows with like numbers of notes, as padding is computed like notes.

    A pool of `pool_windows` (at least a batch) is sorted and dealt into batches, whose order is
    drawn from `rng`. The last batch of all may be smaller.
    """
    pool_size = max(1, pool_windows // batch_size) * batch_size
    pool: list[MaskedWindow] = []

    def dealt() -> Iterator[MaskedBatch]:
        pool.sort(key=lambda window: len(window.shown))
        firsts = np.arange(0, len(pool), batch_size)
        for first in firsts if rng is None else rng.permutation(firsts):
            yield collate(pool[first : first + batch_size])

    for window in windows:
        pool.append(window)
        if len(pool) == pool_size:
            yield from dealt()
            pool = []
    yield from dealt()


class MaskedWindows(IterableDataset[MaskedBatch]):
    """The batches of an epoch of the training split; of the validation split with `epoch` None.

    Each epoch cuts and masks anew; validation's windows and masks are always the same, and all
    that is to be guessed is hidden. A performance's windows depend on the seed, the epoch and
    its id alone. Memory holds a performance or a part of them, and a pool of windows.
    """

    def __init__(
        self, source: PerformanceSource, config: ExperimentConfig, epoch: int | None
    ) -> None:
        assert config.pretraining is not None
        self._source, self._epoch, self._seed = source, epoch, config.seed
        self._pretraining = config.pretraining
        self._pool_windows = config.training.shuffle_buffer_examples
        self._tokeniser = TOKENISERS[config.midi_encoder.tokens]

    def _stream(self, *name: str) -> np.random.Generator:
        epoch = "validation" if self._epoch is None else str(self._epoch)
        return stream(self._seed, "pretraining", epoch, *name)

    def windows(self) -> Iterator[MaskedWindow]:
        """Yield the masked windows, performance by performance."""
        learning = self._epoch is not None
        showing: Showing = LEARNING if learning else JUDGING
        split = "train" if learning else "validation"
        order = self._stream("order") if learning else None
        for performance_id, performance in self._source(split, order):
            rng = self._stream("performance", performance_id)
            places = rng if learning else None
            for window in cut_windows(performance, self._pretraining.window_s, places):
                yield mask_window(
                    window, self._tokeniser, self._pretraining.mask_share, showing, rng
                )

    def __iter__(self) -> Iterator[MaskedBatch]:
        rng = None if self._epoch is None else self._stream("batches")
        return pooled(self.windows(), self._pretraining.batch_size, self._pool_windows, rng)
