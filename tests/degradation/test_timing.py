from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from degradation.edits import Edits, apply_edits
from degradation.notes import NoteArray, Performance
from degradation.seeds import stream
from degradation.timing import ChordJitter, OnsetJitter

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


def strays_ms(clean: Performance, operation: ChordJitter, name: str) -> NDArray[np.float64]:
    damaged = apply_edits(clean, operation.draw(clean, stream(0, "chords", name))).notes
    before, after = (np.sort(notes, order="note_id") for notes in (clean.notes, damaged))
    return 1000 * (after["onset_s"] - before["onset_s"])


@pytest.mark.parametrize("spread_s", SPREADS_S)
@pytest.mark.parametrize("apart_share", [0.0, 0.4, 1.0])
def test_every_window_strays_by_the_spread_asked_for(
    corpus: list[Performance], spread_s: float, apart_share: float
) -> None:
    operation = ChordJitter(spread_s=spread_s, apart_share=apart_share)
    for at, clean in enumerate(corpus[:30]):
        shift_ms = strays_ms(clean, operation, str(at))
        assert np.sqrt(np.mean(shift_ms**2)) == pytest.approx(1000 * spread_s, rel=0.12)
        assert shift_ms.min() < 0 < shift_ms.max()


@pytest.mark.parametrize("apart_share", [0.0, 0.3, 0.8])
def test_a_chord_strays_together_and_its_notes_apart_by_their_share(
    assemble: Callable[..., Performance], apart_share: float
) -> None:
    chords = [(0.4 * n + 0.2, 0.4 * n + 0.5, 48 + 4 * k, 60) for n in range(24) for k in range(4)]
    clean = assemble(chords)
    found = np.concatenate(
        [
            strays_ms(clean, ChordJitter(spread_s=0.03, apart_share=apart_share), str(n))
            for n in range(40)
        ]
    ).reshape(-1, 4)
    apart_ms = np.sqrt(np.mean(found.var(axis=1, ddof=1)))
    assert apart_ms == pytest.approx(30 * apart_share, rel=0.05, abs=0.1)
    assert found.std() == pytest.approx(30, rel=0.01)


def test_a_chord_at_the_edge_stays_a_chord(assemble: Callable[..., Performance]) -> None:
    clean = assemble([(0.0, 0.5, 60 + 4 * k, 60) for k in range(3)] + [(5.0, 5.5, 40, 60)])
    for name in "abcdefgh":
        shift_ms = strays_ms(clean, ChordJitter(spread_s=0.05, apart_share=0.0), name)
        assert len(np.unique(shift_ms[:3])) == 1
        assert shift_ms[0] > 0


def test_strays_grow_in_proportion(compose: Compose) -> None:
    """With one stream, twice the spread moves each note twice as far, but at the edges."""
    clean = compose(0)
    small, large = (
        strays_ms(clean, ChordJitter(spread_s=spread_s, apart_share=0.4), "x")
        for spread_s in (0.01, 0.02)
    )
    assert np.mean(np.abs(large - 2 * small) < 0.11) > 0.95
