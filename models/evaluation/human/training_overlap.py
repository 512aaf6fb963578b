"""Which clips overlap with training: those cut from a performance that a model was trained on."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from degradation.notes import Performance
from storage.percepiano import Clip

RUN_NOTES = 8
"""This many consecutive notes of the same pitch and velocity are no coincidence."""

OVERLAP_SHARE = 0.5
"""Share of a clip's runs that one performance must hold: an excerpt shares all but those at its
ends, other performances of the same music almost none."""


def find_overlap(
    clips: Sequence[Clip], trained_on: Iterable[tuple[str, Performance]]
) -> dict[str, str]:
    """Return, by stem, the MIDI file of the training performance that a clip was cut from.

    `trained_on` yields MIDI file names and performances. A clip counts when PercePiano's map to
    MAESTRO names that file, or when the performance holds its very notes: the map is not part of
    the published checkout, and a corpus may call its files otherwise.
    """
    runs = {clip.stem: note_runs(clip.performance) for clip in clips}
    by_file = {clip.stem: clip.maestro_midi for clip in clips if clip.maestro_midi}
    owner = np.repeat(np.arange(len(clips)), [len(runs[clip.stem]) for clip in clips])
    together = np.concatenate([np.zeros(0, np.uint64), *(runs[clip.stem] for clip in clips)])
    lengths = np.maximum(np.bincount(owner, minlength=len(clips)), 1)
    found: dict[str, str] = {}
    for name, performance in trained_on:
        held = np.isin(together, note_runs(performance))
        shares = np.bincount(owner, weights=held, minlength=len(clips)) / lengths
        for clip, share in zip(clips, shares, strict=True):
            if by_file.get(clip.stem) == name or share >= OVERLAP_SHARE:
                found.setdefault(clip.stem, name)
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


def count_by_file(overlap: Mapping[str, str]) -> dict[str, int]:
    """Return how many clips were cut from each training performance, the most first."""
    names, counts = np.unique(list(overlap.values()), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {str(names[at]): int(counts[at]) for at in order}
