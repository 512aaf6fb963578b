"""Where pretraining's performances come from: one at a time, however many there are."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa

from degradation.notes import Performance
from storage.columns import read_performance
from storage.tables import Table, data_file_rows, read_data_file

T = TypeVar("T")


PerformanceSource = Callable[[str, np.random.Generator | None], Iterator[tuple[str, Performance]]]
"""Yields id and performance of each of a split, in an order drawn from the generator, if any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusTable:
    """The corpus table `performances`, pinned to a version; a part is in memory at a time.

    The order drawn is that of parts, and of performances within each.
    """

    table: Table
    version: int

    def __call__(
        self, split: str, rng: np.random.Generator | None
    ) -> Iterator[tuple[str, Performance]]:
        """Yield id and performance of each of a split (see `PerformanceSource`)."""
        for path in _ordered(list(data_file_rows(self.table, self.version)), rng):
            columns = ["performance_id", "split", "notes", "pedal"]
            rows = pa.concat_tables(list(read_data_file(self.table, path, columns)))
            wanted = [row for row, of in enumerate(rows["split"].to_pylist()) if of == split]
            for row in _ordered(wanted, rng):
                performance = read_performance(rows["notes"][row], rows["pedal"][row])
                yield rows["performance_id"][row].as_py(), performance


def _ordered(items: list[T], rng: np.random.Generator | None) -> list[T]:
    return items if rng is None else [items[place] for place in rng.permutation(len(items))]
