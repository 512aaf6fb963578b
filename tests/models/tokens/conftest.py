from collections.abc import Callable

import numpy as np
import pytest

from degradation.notes import (
    NOTE_DTYPE,
    PEDAL_DTYPE,
    SUSTAIN,
    Performance,
    release_before_restrike,
    snap,
)


def random_performance(seed: int, *, notes: int, duration_s: float) -> Performance:
    """Notes all over the keyboard, struck at any time, and a pedal that is never still."""
    rng = np.random.default_rng(seed)
    played = np.zeros(notes, NOTE_DTYPE)
    played["note_id"] = rng.permutation(notes)
    played["onset_s"] = snap(rng.uniform(0.5, duration_s - 0.5, notes))
    played["offset_s"] = played["onset_s"] + snap(rng.exponential(0.2, notes).clip(1e-4, 0.5))
    played["pitch"] = rng.integers(21, 109, notes)
    played["velocity"] = rng.integers(1, 128, notes)
    pedal = np.zeros(notes // 2, PEDAL_DTYPE)
    pedal["time_s"] = np.sort(snap(rng.uniform(0, duration_s, len(pedal))))
    pedal["controller"] = SUSTAIN
    pedal["value"] = rng.integers(0, 128, len(pedal))
    return Performance(notes=release_before_restrike(played), pedal=pedal, duration_s=duration_s)


@pytest.fixture(scope="session")
def perform_at_random() -> Callable[..., Performance]:
    return random_performance
