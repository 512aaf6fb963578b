"""Examples streamed from feature tables: shuffled, sharded, never a whole table in memory."""

import functools
import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from degradation.errors import UserError
from degradation.seeds import stream
from labeling.scores import DIMENSIONS
from models.config.experiment import ExperimentConfig, Modality
from models.distributed import rank_info
from models.inputs.batch import Batch, Example, collate
from models.inputs.feature_reader import (
    ExampleParts,
    Features,
    check_features,
    read_data_file,
    rows_of_split,
)

BATCHES_SORTED = 16
"""So many batches are sorted by length at a time: more would pad little less."""


Item = TypeVar("Item")


class Targets:
    """The eight scores of every sample of one split, by id; small enough for memory.

    `scores` are all of them, float32 (samples, 8).
    """

    def __init__(self, samples: pd.DataFrame, split: str) -> None:
        chosen = samples[samples["split"] == split]
        self.split = split
        self._position = pd.Index(chosen["sample_id"])
        self.scores = chosen[list(DIMENSIONS)].to_numpy(np.float32)
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
        return np.asarray(self.scores[position], np.float32)


@dataclass(frozen=True, slots=True)
class Shard:
    """One reader of several: which loader worker of which training process."""

    index: int
    count: int
    ranks: int

    @classmethod
    def here(cls) -> "Shard":
        """Return the shard of this loader worker in this training process."""
        place = rank_info()
        worker = get_worker_info()
        workers = worker.num_workers if worker else 1
        return cls(
            index=place.rank * workers + (worker.id if worker else 0),
            count=place.world_size * workers,
            ranks=place.world_size,
        )


def deal(rows: Sequence[int], order: NDArray[np.int64], count: int) -> list[list[int]]:
    """Return the parts of `order` dealt to `count` readers so that all have about as many rows.

    The largest part goes first, each to the reader who has least (longest processing time
    first, Graham 1969); within a reader, parts keep their place in `order`. Parts
    without rows go to nobody.
    """
    place = {int(part): position for position, part in enumerate(order)}
    dealt: list[list[int]] = [[] for _ in range(count)]
    load = [0] * count
    for part in sorted(place, key=lambda part: (-rows[part], place[part])):
        if rows[part]:
            least = min(range(count), key=lambda reader: load[reader])
            dealt[least].append(part)
            load[least] += rows[part]
    return [sorted(parts, key=lambda part: place[part]) for parts in dealt]


def examples_a_reader(examples: int, readers: int) -> int:
    """Return how many examples an epoch gives each reader of a training on several devices.

    All must have as many, because gradients are exchanged step by step. A reader whose parts
    hold fewer begins them again; one whose parts hold more leaves the rest of this epoch's order.
    """
    return -(-examples // readers)


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


def shuffled(items: Iterator[Item], buffer_size: int, rng: np.random.Generator) -> Iterator[Item]:
    """Yield every item once, in an order that is random within a buffer of `buffer_size`."""
    buffer: list[Item] = []
    for item in items:
        if len(buffer) < buffer_size:
            buffer.append(item)
            continue
        chosen = int(rng.integers(buffer_size))
        yield buffer[chosen]
        buffer[chosen] = item
    for position in rng.permutation(len(buffer)):
        yield buffer[position]


def _note_count(item: Features) -> int:
    """Return the notes of an example, those that are heard where it is given no others."""
    notes = item.notes or item.heard
    return 0 if notes is None else len(notes.tokens)


def alike_in_length(
    items: Iterator[Features], batch_size: int, rng: np.random.Generator
) -> Iterator[Features]:
    """Yield every item once, so that `batch_size` in a row have about as many notes.

    A batch is as long as its longest clip. The next `BATCHES_SORTED` batches are sorted by
    length, and come in random order (bucketing, Khomenko et al. 2016); a short one comes last,
    or the batches after it would begin within it.
    """
    while group := list(itertools.islice(items, BATCHES_SORTED * batch_size)):
        group.sort(key=_note_count)
        whole = len(group) // batch_size
        for batch in rng.permutation(whole):
            yield from group[batch * batch_size : (batch + 1) * batch_size]
        yield from group[whole * batch_size :]


def check_readers(
    parts: ExampleParts,
    targets: Targets,
    config: ExperimentConfig,
    modalities: Collection[Modality],
) -> None:
    """Refuse more readers than parts, where each must have examples: UserError."""
    training = config.training
    if training.devices == 1:
        return
    readers = training.devices * max(1, training.loader_workers)
    filled = sum(rows > 0 for rows in rows_of_split(parts, min(modalities), targets.split))
    if filled < readers:
        raise UserError(
            f"the {targets.split} samples lie in {filled} parts and are dealt to {readers} readers "
            "(devices x loader_workers); expected a part each at least: choose fewer devices or "
            "workers"
        )


class StreamedExamples(IterableDataset[Example]):
    """The examples of one split, each once; `epoch` None keeps the stored order.

    The order depends on the configured seed, `epoch` and the shard alone. Memory holds the
    shuffle buffer, which a process's loader workers share out, and for each worker
    `BATCHES_SORTED` batches and `open_parts` x `rows_per_read` rows, whatever the size of the
    tables. In training on several devices each reader gives as many examples (`examples_a_reader`).
    Raises UserError at once when the features have other settings than `config`.
    """

    def __init__(
        self,
        parts: ExampleParts,
        targets: Targets,
        config: ExperimentConfig,
        modalities: frozenset[Modality],
        epoch: int | None,
    ) -> None:
        check_features(parts, config, modalities)
        self._parts = parts
        self._targets = targets
        self._config = config
        self._modalities = modalities
        self._epoch = epoch
        self._rows = rows_of_split(parts, min(modalities), targets.split)

    def _read(self, index: int) -> Iterator[Features]:
        return read_data_file(
            self._parts,
            index,
            split=self._targets.split,
            modalities=self._modalities,
            config=self._config,
        )

    def _pass(self, shard: Shard, epoch: int, round_: int) -> Iterator[Features]:
        """Yield the shard's examples once, in the order of an epoch and a round of it."""
        seed, training = self._config.seed, self._config.training
        name = (str(epoch), *([str(round_)] if round_ else []))
        order = np.arange(len(self._parts))
        stream(seed, "part order", *name).shuffle(order)
        rng = stream(seed, "example order", *name, str(shard.index))
        dealt = deal(self._rows, order, shard.count)[shard.index]
        sources = [self._read(index) for index in dealt]
        buffer_size = max(1, training.shuffle_buffer_examples * shard.ranks // shard.count)
        mixed = shuffled(interleaved(sources, training.open_parts, rng), buffer_size, rng)
        yield from alike_in_length(mixed, training.batch_size, rng)

    def _features(self, shard: Shard) -> Iterator[Features]:
        if self._epoch is None:
            for index in range(shard.index, len(self._parts), shard.count):
                yield from self._read(index)
        elif shard.ranks == 1:
            yield from self._pass(shard, self._epoch, 0)
        else:
            yield from self._as_many_as_others(shard, self._epoch)

    def _as_many_as_others(self, shard: Shard, epoch: int) -> Iterator[Features]:
        count = examples_a_reader(len(self._targets), shard.count)
        rounds = (self._pass(shard, epoch, round_) for round_ in itertools.count())
        yield from itertools.islice(itertools.chain.from_iterable(rounds), count)

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
        collate_fn=functools.partial(collate, config=config),
        num_workers=workers,
        # Its own, or making a loader would move the global generator that dropout draws from.
        generator=torch.Generator(),
        # A forked child of a process with threads (Arrow, S3 clients) may hang.
        multiprocessing_context="spawn" if workers else None,
        pin_memory=torch.cuda.is_available(),
    )
