from collections.abc import Callable

import numpy as np
import pytest

from degradation.dynamics import VelocityRoughness
from degradation.edits import apply_edits
from degradation.notes import Performance
from degradation.seeds import stream

Assemble = Callable[..., Performance]
Compose = Callable[..., Performance]


def changes(clean: Performance, spread_velocity: float, seed: int = 0) -> np.ndarray:
    operation = VelocityRoughness(spread_velocity=spread_velocity)
    damaged = apply_edits(clean, operation.draw(clean, stream(seed, "roughness")))
    assert np.array_equal(damaged.notes["note_id"], clean.notes["note_id"])
    return damaged.notes["velocity"].astype(int) - clean.notes["velocity"]


@pytest.mark.parametrize("spread_velocity", [3.6, 14.4])
def test_every_window_strays_by_the_spread_asked_for(
    corpus: list[Performance], spread_velocity: float
) -> None:
    for seed, clean in enumerate(corpus[:30]):
        found = changes(clean, spread_velocity, seed)
        assert np.sqrt(np.mean(found**2)) == pytest.approx(spread_velocity, rel=0.05)
        assert abs(found.mean()) < 3.3 * spread_velocity / np.sqrt(len(found))


def test_neighbours_stray_unlike_each_other(compose: Compose) -> None:
    found = np.concatenate([changes(compose(seed), 14.4, seed) for seed in range(40)])
    assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) < 0.06


@pytest.mark.parametrize("velocity", [1, 127])
def test_the_softest_and_the_loudest_stay_in_range_and_stray_as_far(
    assemble: Assemble, velocity: int
) -> None:
    clean = assemble([(0.1 * n, 0.1 * n + 0.05, 60, velocity) for n in range(90)])
    found = changes(clean, 20.0)
    assert (found * (1 if velocity == 1 else -1) >= 0).all()
    assert np.sqrt(np.mean(found**2.0)) == pytest.approx(20, rel=0.02)


def test_only_the_velocity_changes(compose: Compose) -> None:
    clean = compose(1)
    edits = VelocityRoughness(spread_velocity=20).draw(clean, stream(0, "r"))
    damaged = apply_edits(clean, edits)
    kept = ["note_id", "onset_s", "offset_s", "pitch"]
    assert np.array_equal(damaged.notes[kept], clean.notes[kept])
    assert edits.pedal is None


def test_strays_grow_in_proportion(assemble: Assemble) -> None:
    clean = assemble([(0.1 * n, 0.1 * n + 0.05, 60, 64) for n in range(90)])
    assert np.abs(changes(clean, 10) - 2 * changes(clean, 5)).max() <= 1
