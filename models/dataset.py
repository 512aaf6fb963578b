"""Examples streamed from feature tables: shuffled, sharded, never a whole table in memory."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
import torch.distributed
from numpy.typing import NDArray
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from degradation.errors import UserError
from degradation.seeds import stream
from labeling.scores import DIMENSIONS
from models.batch import Batch, Example, collate
from models.config import ExperimentConfig, Modality
from models.parts import ExampleParts, Features, check_mel, read_part


class Targets:
    """The eight scores of every sample of one split, by id; small enough for memory."""

    def __init__(self, samples: pd.DataFrame, split: str) -> None:
        chosen = samples[samples["split"] == split]
        self.split = split
        self._position = pd.Index(chosen["sample_id"])
        self._scores = chosen[list(DIMENSIONS)].to_numpy(np.float32)
        if not self._position.is_unique:
            twice = self._position[self._position.duplicated()][0]
            raise UserError(
                f"the samples table has {twice} twice; expected each id once: make it again"
            )

    def __len__(self) -> int:
        return len(self._position)

    def of(self, sample_id: str) -> NDArray[np.float32]:
        """Return the scores, float32 (8,), of one sample; UserError when it has none."""
        try:
            position = self._position.get_loc(sample_id)
        except KeyError:
            raise UserError(
                f"sample {sample_id} has features but no {self.split} row in the samples table; "
                "expected one: make samples and features again from one version of the pairs"
            ) from None
        return np.asarray(self._scores[position], np.float32)


@dataclass(frozen=True, slots=True)
class Shard:
    """One reader of several: parts are dealt round robin, so that none is read twice."""

    index: int
    count: int

    @classmethod
    def here(cls) -> "Shard":
        """Return the shard of this loader worker in this training process."""
        distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
        rank = torch.distributed.get_rank() if distributed else 0
        ranks = torch.distributed.get_world_size() if distributed else 1
        worker = get_worker_info()
        workers = worker.num_workers if worker else 1
        return cls(rank * workers + (worker.id if worker else 0), ranks * workers)


def interleaved(
    sources: Sequence[Iterator[Features]], open_count: int, rng: np.random.Generator
) -> Iterator[Features]:
    """Yield from `open_count` sources at a time, choosing at random; all are exhausted.

    A part holds one tier, so parts read one after another would give batches of one tier.
    """
    waiting = list(reversed(sources))
    opened: list[Iterator[Features]] = []
    while waiting or opened:
        while waiting and len(opened) < open_count:
            opened.append(waiting.pop())
        chosen = int(rng.integers(len(opened)))
        found = next(opened[chosen], None)
        if found is None:
            del opened[chosen]
        else:
            yield found


def shuffled(
    items: Iterator[Features], buffer_size: int, rng: np.random.Generator
) -> Iterator[Features]:
    """Yield every item once, in an order that is random within a buffer of `buffer_size`."""
    buffer: list[Features] = []
    for item in items:
        if len(buffer) < buffer_size:
            buffer.append(item)
            continue
        chosen = int(rng.integers(buffer_size))
        yield buffer[chosen]
        buffer[chosen] = item
    for position in rng.permutation(len(buffer)):
        yield buffer[position]


class StreamedExamples(IterableDataset[Example]):
    """The examples of one split, each once; `epoch` None keeps the stored order.

    The order depends on the configured seed, `epoch` and the shard alone. Memory holds the
    shuffle buffer and `open_parts` x `rows_per_read` rows, whatever the size of the tables.
    Raises UserError at once when the features have other mel settings than `config`.
    """

    def __init__(
        self,
        parts: ExampleParts,
        targets: Targets,
        config: ExperimentConfig,
        modalities: frozenset[Modality],
        epoch: int | None,
    ) -> None:
        check_mel(parts, config)
        self._parts = parts
        self._targets = targets
        self._config = config
        self._modalities = modalities
        self._epoch = epoch

    def _read(self, index: int) -> Iterator[Features]:
        return read_part(
            self._parts,
            index,
            split=self._targets.split,
            modalities=self._modalities,
            config=self._config,
        )

    def _features(self, shard: Shard) -> Iterator[Features]:
        order = np.arange(len(self._parts))
        if self._epoch is None:
            for index in order[shard.index :: shard.count]:
                yield from self._read(int(index))
            return
        seed, training, epoch = self._config.seed, self._config.training, str(self._epoch)
        stream(seed, "part order", epoch).shuffle(order)
        rng = stream(seed, "example order", epoch, str(shard.index))
        sources = [self._read(int(index)) for index in order[shard.index :: shard.count]]
        yield from shuffled(
            interleaved(sources, training.open_parts, rng), training.shuffle_buffer_examples, rng
        )

    def __iter__(self) -> Iterator[Example]:
        for features in self._features(Shard.here()):
            yield Example(features=features, scores=self._targets.of(features.sample_id))


def load_batches(
    parts: ExampleParts,
    targets: Targets,
    config: ExperimentConfig,
    modalities: frozenset[Modality],
    epoch: int | None,
) -> DataLoader[Batch]:
    """Return a loader of `Batch`es over `StreamedExamples`."""
    workers = config.training.loader_workers
    return DataLoader(
        StreamedExamples(parts, targets, config, modalities, epoch),  # type: ignore[arg-type]
        batch_size=config.training.batch_size,
        collate_fn=functools.partial(collate, mel_frames_per_step=config.mel_frames_per_step),
        num_workers=workers,
        # Its own, or making a loader would move the global generator that dropout draws from.
        generator=torch.Generator(),
        # A forked child of a process with threads (Arrow, S3 clients) may hang.
        multiprocessing_context="spawn" if workers else None,
    )
