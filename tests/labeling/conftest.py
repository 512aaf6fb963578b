"""Synthetic piano music for the labeling functions: shaped, pedalled, a little free in tempo."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from degradation.notes import (
    NOTE_DTYPE,
    PEDAL_DTYPE,
    SUSTAIN,
    Performance,
    release_before_restrike,
    snap,
    sort_notes,
)
from degradation.seeds import stream

Notes = list[tuple[float, float, int, int]]
Pedal = Sequence[tuple[float, int]]
Assemble = Callable[..., Performance]
Compose = Callable[[int], Performance]


def _assemble(notes: Notes, pedal: Pedal = (), duration_s: float = 10.0) -> Performance:
    rows = [(at, *note) for at, note in enumerate(notes)]
    array = sort_notes(np.array(rows, dtype=NOTE_DTYPE))
    array["onset_s"], array["offset_s"] = snap(array["onset_s"]), snap(array["offset_s"])
    movements = np.array([(time_s, SUSTAIN, value) for time_s, value in pedal], dtype=PEDAL_DTYPE)
    movements["time_s"] = snap(movements["time_s"])
    return Performance(notes=release_before_restrike(array), pedal=movements, duration_s=duration_s)


@pytest.fixture
def assemble() -> Assemble:
    """(onset_s, offset_s, pitch, velocity) notes and (time_s, value) pedal to a Performance."""
    return _assemble


@pytest.fixture
def compose() -> Compose:
    """Ten seconds of melody over chords, one a seed."""

    def composed(seed: int) -> Performance:
        rng = stream(seed, "synthetic music")
        beat_s = 0.5 * np.exp(0.02 * np.cumsum(rng.normal(0, 1, 18)))
        start_s = 0.2 + np.cumsum(beat_s) - beat_s[0]
        notes: Notes = []
        pedal: list[tuple[float, int]] = []
        melody = 72
        for beat, (at_s, length_s) in enumerate(zip(start_s, beat_s, strict=True)):
            if at_s + length_s > 9.5:
                break
            arc = 60 + 25 * np.sin(np.pi * (beat % 8) / 8)
            root = 48 + (0, 5, 7, 0)[beat // 2 % 4]
            for tone in (0, 4, 7):
                spread_s = abs(rng.normal(0, 0.004))
                velocity = int(arc - 15 + rng.normal(0, 2))
                notes.append((at_s + spread_s, at_s + 0.9 * length_s, root + tone, velocity))
            for half in (0.0, 0.5):
                melody = int(np.clip(melody + rng.choice([-2, -1, 1, 2]), 67, 84))
                onset_s = at_s + half * length_s
                velocity = int(arc + 10 * half + rng.normal(0, 2))
                notes.append((onset_s, onset_s + 0.48 * length_s, melody, velocity))
            pedal += [(at_s + 0.06, 0), (at_s + 0.15, 100)]
        return _assemble(notes, pedal)

    return composed
