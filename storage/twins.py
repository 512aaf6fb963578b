"""The same music in two splits, found by its notes whatever its title says.

A passage is the set of twelve successive notes, with chords sorted by pitch first. Tempo, dynamics
and repeats do not change passages; a wrong note changes twelve, a transposition all. Kinship is the
number of shared passages divided by the square root of the shorter performance's number. The share
alone would miss one common movement of two long files; the number alone would miss short pieces.

Measured on MAESTRO v3.0.0 (`python -m benchmarks.twins FOLDER`): of 1,481 pairs with one title
1,323 have a kinship above 2.5; the other 158 are below .5 and are different movements. Of 723,679
pairs without a common composer none lies between 1.3 and 12; the 19 above are one piece under two
composers. The lowest true pairs, single movements in two editions, begin at 1.5.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from storage.corpus import SPLITS, Fault
from storage.derive import derive_data_file
from storage.schema import TWINS
from storage.tables import (
    DataFile,
    Table,
    data_file_path,
    find_data_file,
    read_data_file,
    write_data_file,
)

PASSAGE_NOTES = 12

CHORD_S = 0.04
"""Notes of one chord follow each other within this."""

SAME_MUSIC_THRESHOLD = 1.75
"""Minimum kinship of two performances of the same music: above the largest kinship by chance."""

NEAR_MISS = 1.0
"""The least kinship of a pair that is reported, though both are kept."""

_PITCH_NUMBERS = np.frombuffer(hashlib.shake_128(b"pitch").digest(128 * 8), dtype="<u8")
"""A number of 64 bits for each MIDI pitch: sums of them name passages."""

Passages = NDArray[np.uint64]

NAMES = ("performance_id", "composer", "title", "split", "midi_filename")
"""The fields of `Music` that are columns of the performances table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Music:
    """A performance's names and its passages: distinct, sorted."""

    performance_id: str
    composer: str
    title: str
    split: str
    midi_filename: str
    passages: Passages


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two performances in different splits, and the passages they share.

    `twin` is in the split that is held out more (train < validation < test).
    """

    music: Music
    twin: Music
    shared: int

    @property
    def of_passages(self) -> int:
        """How many passages the shorter one has."""
        return min(len(self.music.passages), len(self.twin.passages))

    @property
    def kinship(self) -> float:
        """Shared passages over the root of the shorter one's."""
        return float(self.shared / np.sqrt(self.of_passages))

    @property
    def same_music(self) -> bool:
        """Whether kinship reaches the threshold, or all passages of the shorter are shared."""
        return self.kinship >= SAME_MUSIC_THRESHOLD or self.shared == self.of_passages


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinFreeCorpus:
    """A corpus without twins: its data files, the table of pairs, and what was left out."""

    performances: tuple[DataFile, ...]
    twins: DataFile
    faults: tuple[Fault, ...]


def remove_twins(performances: Table, parts: Sequence[DataFile], twins: Table) -> TwinFreeCorpus:
    """Compare the performances of these files; leave out those with a twin that is held out more.

    Files that lose rows are written anew; the original stays, because twins depend on all files.
    """
    pairs = compare(list(read_music(performances, parts)))
    left_out = keep_held_out(pairs)
    return TwinFreeCorpus(
        performances=tuple(_without(performances, part, left_out) for part in parts),
        twins=_write_pairs(twins, pairs, left_out),
        faults=tuple(left_out.values()),
    )


def find_passages(onset_s: NDArray[np.float64], pitch: NDArray[np.uint8]) -> Passages:
    """Return the distinct passages of notes in order of onset; fewer than twelve are one."""
    chord = np.cumsum(np.diff(onset_s, prepend=onset_s[:1]) > CHORD_S)
    numbers = _PITCH_NUMBERS[pitch[np.lexsort((pitch, chord))]]
    ends = np.concatenate([[np.uint64(0)], np.cumsum(numbers)])
    notes = min(PASSAGE_NOTES, len(pitch))
    return np.unique(ends[notes:] - ends[:-notes])


def read_music(table: Table, parts: Sequence[DataFile]) -> Iterator[Music]:
    """Yield the music of a corpus's data files; only the columns that are compared are read."""
    columns = [*NAMES, "notes.list.element.onset_s", "notes.list.element.pitch"]
    for part in parts:
        for group in read_data_file(table, part.path, columns):
            for about, notes in zip(
                group.select(list(NAMES)).to_pylist(), group["notes"], strict=True
            ):
                onset_s, pitch = (notes.values.field(n).to_numpy() for n in ("onset_s", "pitch"))
                yield Music(**about, passages=find_passages(onset_s, pitch))


def compare(music: Sequence[Music]) -> list[Pair]:
    """Return the pairs across splits that are the same music or nearly, the closest first."""
    held_out = [one for one in music if one.split != SPLITS[0]]
    rank = np.array([SPLITS.index(one.split) for one in held_out])
    pairs = [
        Pair(music=one, twin=held_out[place], shared=int(shared[place]))
        for one, shared in zip(music, count_shared(music, held_out), strict=True)
        for place in np.flatnonzero((shared > 0) & (rank > SPLITS.index(one.split)))
    ]
    reported = [pair for pair in pairs if pair.same_music or pair.kinship >= NEAR_MISS]
    return sorted(
        reported, key=lambda p: (-p.kinship, p.music.performance_id, p.twin.performance_id)
    )


def keep_held_out(pairs: Sequence[Pair]) -> dict[str, Fault]:
    """Return the performances to leave out by id, each with its twin: the most held-out stay."""
    faults: dict[str, Fault] = {}
    for pair in sorted(pairs, key=lambda pair: -SPLITS.index(pair.music.split)):
        music, twin = pair.music, pair.twin
        if pair.same_music and twin.performance_id not in faults:
            reason = (
                f"its music is also in {twin.split}: left out of {music.split}; see "
                f"{twin.midi_filename} ({twin.performance_id}), which has {pair.shared:,} of "
                f"{pair.of_passages:,} passages of the shorter one"
            )
            fault = Fault(stage="twins", item=music.midi_filename, reason=reason)
            faults.setdefault(music.performance_id, fault)
    return faults


def count_shared(music: Sequence[Music], others: Sequence[Music]) -> Iterator[NDArray[np.int64]]:
    """Yield, for each of `music`, how many passages each of `others` shares with it."""
    passages = np.concatenate([np.zeros(0, np.uint64), *(other.passages for other in others)])
    lengths = np.array([len(other.passages) for other in others], dtype=np.int64)
    owner = np.repeat(np.arange(len(others), dtype=np.int32), lengths)
    order = np.argsort(passages, kind="stable")
    passages, owner = passages[order], owner[order]
    for one in music:
        first, last = (np.searchsorted(passages, one.passages, side) for side in ("left", "right"))
        found = last - first
        places = np.repeat(last - np.cumsum(found), found) + np.arange(found.sum())
        yield np.bincount(owner[places], minlength=len(others))


def _without(table: Table, part: DataFile, left_out: Collection[str]) -> DataFile:
    """Return a data file without these performances: the file itself if it has none of them."""
    groups = read_data_file(table, part.path, ["performance_id"])
    found = {name for group in groups for name in group["performance_id"].to_pylist()}
    if not (gone := found.intersection(left_out)):
        return part
    ids = pa.array(sorted(gone), pa.string())
    version = hashlib.sha256("\n".join(sorted(gone)).encode()).hexdigest()[:8]

    def derive(rows: pa.Table) -> pa.Table:
        return rows.filter(pc.invert(pc.is_in(rows["performance_id"], ids)))

    return derive_data_file(table, part.path, table, version, derive)


def _write_pairs(table: Table, pairs: Sequence[Pair], left_out: Collection[str]) -> DataFile:
    """Write the pairs as one data file, the closest pair first."""
    rows = [
        {
            "performance_id": pair.music.performance_id,
            "twin_id": pair.twin.performance_id,
            **{name: getattr(pair.music, name) for name in ("composer", "title", "split")},
            **{f"twin_{name}": getattr(pair.twin, name) for name in ("composer", "title", "split")},
            "shared_passages": pair.shared,
            "shared_share": pair.shared / pair.of_passages,
            "kinship": pair.kinship,
            "same_music": pair.same_music,
            "left_out": pair.music.performance_id in left_out,
        }
        for pair in pairs
    ]
    path = data_file_path(table, {}, hashlib.sha256(repr(rows).encode()).hexdigest()[:16])
    return find_data_file(table, path) or write_data_file(
        table, path, [pa.Table.from_pylist(rows, schema=TWINS)]
    )
