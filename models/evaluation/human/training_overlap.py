"""Which clips overlap with training: those cut from a performance that a model was trained on."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from degradation.notes import Performance

RUN_NOTES = 8
"""This many consecutive notes of the same pitch and velocity are no coincidence."""

OVERLAP_SHARE = 0.5
"""Share of a clip's runs that one performance must hold: an excerpt shares all but those at its
ends, other performances of the same music almost none."""


class Excerpt(Protocol):
    """What may have been cut from a performance."""

    @property
    def stem(self) -> str:
        """Its name."""

    @property
    def performance(self) -> Performance:
        """What was played."""

    @property
    def maestro_midi(self) -> str | None:
        """The MAESTRO file that it is said to be of."""


def find_overlap(
    clips: Sequence[Excerpt], trained_on: Iterable[tuple[str, Performance]]
) -> set[str]:
    """Return the stems of the clips that were cut from a training performance.

    `trained_on` yields MIDI file names and performances. A clip counts when PercePiano's map to
    MAESTRO names that file, or when the performance holds its very notes: the map is not part of
    the published checkout, and a corpus may call its files otherwise.
    """
    runs = {clip.stem: note_runs(clip.performance) for clip in clips}
    owner = np.repeat(np.arange(len(clips)), [len(runs[clip.stem]) for clip in clips])
    together = np.concatenate([np.zeros(0, np.uint64), *(runs[clip.stem] for clip in clips)])
    lengths = np.maximum(np.bincount(owner, minlength=len(clips)), 1)
    found: set[str] = set()
    for name, performance in trained_on:
        held = np.isin(together, note_runs(performance))
        shares = np.bincount(owner, weights=held, minlength=len(clips)) / lengths
        found |= {
            clip.stem
            for clip, share in zip(clips, shares, strict=True)
            if clip.maestro_midi == name or share >= OVERLAP_SHARE
        }
    return found


def note_runs(performance: Performance) -> NDArray[np.uint64]:
    """Return a hash of each run of `RUN_NOTES` consecutive pitches and velocities."""
    notes = performance.notes
    note = notes["pitch"].astype(np.uint64) * np.uint64(128) + notes["velocity"]
    count = max(len(note) - RUN_NOTES + 1, 0)
    mixed = np.zeros(count, np.uint64)
    for place in range(RUN_NOTES):  # unsigned products wrap around, as hashes do
        mixed = mixed * np.uint64(0x9E3779B97F4A7C15) + note[place : place + count]
    return mixed
