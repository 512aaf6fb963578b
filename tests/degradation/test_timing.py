from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from degradation.edits import Edits, apply_edits
from degradation.notes import NoteArray, Performance, latest_onset
from degradation.seeds import stream
from degradation.timing import OnsetJitter, keep_inside

Compose = Callable[..., Performance]

SPREADS_S = (0.010, 0.030, 0.060)
"""Those of recipe `phase2`."""


def jittered(clean: Performance, spread_s: float, name: str) -> tuple[Edits, NoteArray, NoteArray]:
    """The edits, and the clean and the damaged notes in order of id."""
    edits = OnsetJitter(spread_s=spread_s).draw(clean, stream(0, "jitter", name))
    damaged = apply_edits(clean, edits).notes
    return edits, np.sort(clean.notes, order="note_id"), np.sort(damaged, order="note_id")


def shifts_ms(windows: Sequence[Performance], spread_s: float) -> NDArray[np.float64]:
    found = []
    for at, clean in enumerate(windows):
        _, before, after = jittered(clean, spread_s, str(at))
        found.append(1000 * (after["onset_s"] - before["onset_s"]))
    return np.concatenate(found)


@pytest.mark.parametrize("spread_s", SPREADS_S)
def test_the_spread_is_the_one_asked_for(corpus: list[Performance], spread_s: float) -> None:
    shift_ms = shifts_ms(corpus, spread_s)
    assert len(shift_ms) == 10_000
    assert shift_ms.std() == pytest.approx(1000 * spread_s, rel=0.05)
    assert abs(shift_ms.mean()) < 3.3 * 1000 * spread_s / np.sqrt(len(shift_ms))
    within_one = np.mean(np.abs(shift_ms) < 1000 * spread_s)
    assert within_one == pytest.approx(0.683, abs=0.02), "the shifts are Gaussian"


@pytest.mark.real_data
@pytest.mark.parametrize("spread_s", SPREADS_S)
def test_the_spread_is_the_one_asked_for_on_real_windows(
    maestro_windows: list[Performance], spread_s: float
) -> None:
    shift_ms = shifts_ms(maestro_windows, spread_s)
    assert len(shift_ms) > 3000
    assert shift_ms.std() == pytest.approx(1000 * spread_s, rel=0.05)


@pytest.mark.parametrize("seed", range(10))
def test_pitch_and_velocity_stay_and_the_length_too_but_where_it_must_be_cut(
    compose: Compose, seed: int
) -> None:
    clean = compose(seed)
    _, before, after = jittered(clean, 0.06, "t")
    assert np.array_equal(after["pitch"], before["pitch"])
    assert np.array_equal(after["velocity"], before["velocity"])
    length_s = before["offset_s"] - before["onset_s"]
    changed = np.abs(after["offset_s"] - after["onset_s"] - length_s) > 1e-9
    for note in after[changed]:
        same_key = after[after["pitch"] == note["pitch"]]
        struck_again = (same_key["onset_s"] == note["offset_s"]).any()
        assert struck_again or note["offset_s"] == clean.duration_s
    assert changed.mean() < 0.2


def test_the_edits_say_by_how_much_each_note_moved(compose: Compose) -> None:
    edits, before, after = jittered(compose(4), 0.03, "t")
    assert set(edits.notes["note_id"]) <= set(before["note_id"])
    told_s = np.zeros(len(before))
    told_s[np.searchsorted(before["note_id"], edits.notes["note_id"])] = edits.notes[
        "onset_shift_s"
    ]
    moved_s = after["onset_s"] - before["onset_s"]
    off = np.abs(moved_s - told_s) > 1e-9
    assert off.mean() < 0.03, "but for notes that met on one key"
    assert np.abs(moved_s - told_s).max() < 0.001


def test_the_pedal_moves_along(compose: Compose) -> None:
    clean = compose(6)
    edits, _, _ = jittered(clean, 0.06, "t")
    moved = apply_edits(clean, edits).pedal
    assert edits.pedal is not None
    assert not np.array_equal(moved["time_s"], clean.pedal["time_s"])
    assert np.array_equal(moved[["controller", "value"]], clean.pedal[["controller", "value"]])
    assert (np.diff(moved["time_s"]) >= 0).all()
    assert (moved["time_s"][clean.pedal["time_s"] == 0] == 0).all()


def test_a_shift_that_would_leave_the_window_goes_the_other_way() -> None:
    onset_s = np.array([0.0, 0.0, 0.1, 0.1, 9.9, 10.0, 5.0])
    shift_s = np.array([0.2, -0.2, -0.2, 0.2, 0.3, -0.1, 1.0])
    kept_s = keep_inside(onset_s, shift_s, 10.0)
    assert np.allclose(kept_s, [0.2, 0.2, 0.2, 0.2, -0.3, -0.1, 1.0])


def test_a_shift_too_large_both_ways_is_cut() -> None:
    assert np.allclose(keep_inside(np.array([0.4, 0.6]), np.array([2.0, -2.0]), 1.0), [-0.4, 0.4])


def test_the_spread_is_kept_at_the_edges_of_the_window(compose: Compose) -> None:
    """Cutting a shift at the edge, not mirroring it, would lose 42 % of the spread there."""
    onset_s = np.zeros(5000)
    wanted_s = stream(0, "edge").normal(0, 0.06, 5000)
    kept_s = keep_inside(onset_s, wanted_s, latest_onset(10.0))
    assert np.sqrt(np.mean(kept_s**2)) == pytest.approx(0.06, rel=0.05)
    assert (kept_s >= 0).all()
