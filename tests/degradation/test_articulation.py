from collections.abc import Callable

import numpy as np
import pytest

from degradation.articulation import (
    SHORTEST_PRESS_S,
    UnevenArticulation,
    find_audible_releases,
    longest_press_s,
)
from degradation.edits import apply_edits
from degradation.notes import Performance
from degradation.seeds import stream

Assemble = Callable[..., Performance]
Compose = Callable[..., Performance]


def lengths(clean: Performance, spread_octaves: float, seed: int = 0) -> np.ndarray:
    """Binary logarithm of each note's damaged length over its clean one, in order of id."""
    operation = UnevenArticulation(spread_octaves=spread_octaves)
    damaged = apply_edits(clean, operation.draw(clean, stream(seed, "articulation")))
    before, after = (np.sort(p.notes, order="note_id") for p in (clean, damaged))
    return np.log2(
        (after["offset_s"] - after["onset_s"]) / (before["offset_s"] - before["onset_s"])
    )


@pytest.fixture
def chords(assemble: Assemble) -> Performance:
    """Chords of three notes of 0.4 s, released together, each key free to be held for long."""
    return assemble([(n, n + 0.4, 36 + 3 * n + 24 * k, 64) for n in range(8) for k in range(3)])


@pytest.mark.parametrize("spread_octaves", [0.15, 0.6])
def test_the_spread_is_the_one_asked_for(chords: Performance, spread_octaves: float) -> None:
    for seed in range(10):
        octaves = lengths(chords, spread_octaves, seed)
        assert np.sqrt(np.mean(octaves**2)) == pytest.approx(spread_octaves, rel=0.01)
        assert octaves.min() < 0 < octaves.max()


@pytest.mark.real_data
@pytest.mark.parametrize("spread_octaves", [0.15, 0.6])
def test_the_spread_is_the_one_asked_for_on_real_windows(
    maestro_windows: list[Performance], spread_octaves: float
) -> None:
    octaves = np.concatenate(
        [lengths(clean, spread_octaves, at) for at, clean in enumerate(maestro_windows)]
    )
    assert np.sqrt(np.mean(octaves**2)) == pytest.approx(spread_octaves, rel=0.1)


def test_a_chord_is_not_released_together(chords: Performance) -> None:
    operation = UnevenArticulation(spread_octaves=0.3)
    damaged = apply_edits(chords, operation.draw(chords, stream(0, "a"))).notes
    for onset_s in np.unique(damaged["onset_s"]):
        released_s = damaged["offset_s"][damaged["onset_s"] == onset_s]
        assert np.ptp(released_s) > 0.002


def test_only_releases_move(compose: Compose) -> None:
    clean = compose(0)
    edits = UnevenArticulation(spread_octaves=1).draw(clean, stream(0, "a"))
    damaged = apply_edits(clean, edits)
    kept = ["note_id", "onset_s", "pitch", "velocity"]
    assert np.array_equal(damaged.notes[kept], clean.notes[kept])
    assert edits.pedal is None


@pytest.mark.parametrize("seed", range(10))
def test_no_release_is_cut_by_what_comes_after(compose: Compose, seed: int) -> None:
    """What is drawn already fits: the edits say what became of every note, to the tick."""
    clean = compose(seed)
    edits = UnevenArticulation(spread_octaves=2).draw(clean, stream(seed, "a"))
    damaged = apply_edits(clean, edits)
    before, after = (np.sort(p.notes, order="note_id") for p in (clean, damaged))
    told_s = np.zeros(len(before))
    told_s[np.searchsorted(before["note_id"], edits.notes["note_id"])] = edits.notes[
        "offset_shift_s"
    ]
    assert after["offset_s"] - before["offset_s"] == pytest.approx(told_s, abs=6e-5)
    held_s, was_s = after["offset_s"] - after["onset_s"], before["offset_s"] - before["onset_s"]
    assert (held_s >= np.minimum(was_s, SHORTEST_PRESS_S) - 1e-4).all()


def test_a_key_can_be_held_until_its_next_strike_or_the_end(assemble: Assemble) -> None:
    clean = assemble([(1.0, 1.5, 60, 64), (2.0, 2.5, 62, 64), (4.0, 4.5, 60, 64)])
    assert longest_press_s(clean.notes, 10.0).tolist() == [3.0, 8.0, 6.0]


def test_lengths_grow_apart_in_proportion(chords: Performance) -> None:
    assert lengths(chords, 0.4) == pytest.approx(2 * lengths(chords, 0.2), abs=0.002)


def test_a_key_that_is_held_through_a_lift_is_heard(assemble: Assemble) -> None:
    """It lasts a second and may last from half a second to two."""
    note = [(1.0, 2.0, 60, 64)]
    for lift_s, heard in ((1.4, False), (1.6, True), (2.9, True), (3.1, False)):
        clean = assemble(note, [(0.0, 64, 90), (lift_s, 64, 10), (lift_s + 0.05, 64, 90)])
        assert find_audible_releases(clean).tolist() == [heard], lift_s


def test_under_the_pedal_articulation_is_not_heard(assemble: Assemble) -> None:
    notes = [(n, n + 0.5, 60, 64) for n in range(9)]
    operation = UnevenArticulation(spread_octaves=0.3)
    assert operation.can_apply(assemble(notes))
    assert operation.can_apply(assemble(notes, [(4.0, 64, 127)]))
    assert operation.can_apply(assemble(notes, [(0.0, 67, 127)]))
    assert not operation.can_apply(assemble(notes, [(0.0, 64, 127)]))
    assert not operation.can_apply(assemble([]))
