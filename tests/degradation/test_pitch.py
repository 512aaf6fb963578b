from collections.abc import Callable, Sequence

import numpy as np
import pytest
import scipy.stats
from numpy.typing import NDArray

from degradation.edits import apply_edits
from degradation.notes import PIANO_PITCHES, Performance
from degradation.seeds import stream
from degradation.wrong_notes import WrongNotes

Assemble = Callable[..., Performance]
Compose = Callable[..., Performance]


def pitch_shifts(windows: Sequence[Performance], wrong_notes: WrongNotes) -> NDArray[np.int64]:
    found = []
    for at, clean in enumerate(windows):
        edits = wrong_notes.draw(clean, stream(0, "wrong", str(at)))
        before = np.sort(clean.notes, order="note_id")["pitch"]
        after = np.sort(apply_edits(clean, edits).notes, order="note_id")["pitch"]
        found.append(after.astype(int) - before)
    return np.concatenate(found)


def assert_share(shifts: NDArray[np.int64], share: float) -> None:
    low, high = scipy.stats.binom.interval(0.999, len(shifts), share)
    assert low <= np.count_nonzero(shifts) <= high


@pytest.mark.parametrize("share", [0.02, 0.05])
def test_the_share_is_the_one_asked_for(corpus: list[Performance], share: float) -> None:
    assert_share(pitch_shifts(corpus, WrongNotes(share=share, reach_semitones=3)), share)


@pytest.mark.real_data
@pytest.mark.parametrize("share", [0.02, 0.05])
def test_the_share_is_the_one_asked_for_on_real_windows(
    maestro_windows: list[Performance], share: float
) -> None:
    assert_share(pitch_shifts(maestro_windows, WrongNotes(share=share, reach_semitones=3)), share)


@pytest.mark.parametrize("reach", [1, 3, 12])
def test_distances_are_uniform_over_the_reach_both_ways(
    corpus: list[Performance], reach: int
) -> None:
    clean_pitch = np.concatenate([np.sort(w.notes, order="note_id")["pitch"] for w in corpus])
    shifts = pitch_shifts(corpus, WrongNotes(share=1, reach_semitones=reach))
    inner = shifts[(clean_pitch >= 21 + reach) & (clean_pitch <= 108 - reach)]
    steps = [step for step in range(-reach, reach + 1) if step]
    counts = [int((inner == step).sum()) for step in steps]
    assert sum(counts) == len(inner), "a shift of 0, or beyond the reach"
    assert scipy.stats.chisquare(counts).pvalue > 0.001


@pytest.mark.parametrize("edge", [PIANO_PITCHES[0], PIANO_PITCHES[-1]])
def test_a_wrong_note_at_the_edge_stays_on_the_keyboard(assemble: Assemble, edge: int) -> None:
    clean = assemble([(0.02 * n, 0.02 * n + 0.01, edge, 64) for n in range(450)])
    shifts = pitch_shifts([clean], WrongNotes(share=1, reach_semitones=3))
    inwards = 1 if edge == PIANO_PITCHES[0] else -1
    counts = [int((shifts == inwards * step).sum()) for step in (1, 2, 3)]
    assert sum(counts) == 450
    assert scipy.stats.chisquare(counts).pvalue > 0.001


@pytest.mark.parametrize("seed", range(10))
def test_only_the_pitch_changes_but_where_a_key_is_struck_again(
    compose: Compose, seed: int
) -> None:
    clean = compose(seed)
    edits = WrongNotes(share=0.2, reach_semitones=3).draw(clean, stream(seed, "wrong"))
    for field in ("onset_shift_s", "offset_shift_s", "velocity_shift"):
        assert not edits.notes[field].any()
    before = np.sort(clean.notes, order="note_id")
    after = np.sort(apply_edits(clean, edits).notes, order="note_id")
    assert np.array_equal(before["velocity"], after["velocity"])
    moved = np.abs(before["onset_s"] - after["onset_s"]) > 1e-9
    for was, now in zip(before[moved], after[moved], strict=True):
        same_key = after[after["pitch"] == now["pitch"]]
        assert (np.abs(same_key["onset_s"] - was["onset_s"]) < 1e-9).any(), "it met no other note"
    cut = (before["offset_s"] != after["offset_s"]) & ~moved
    for now in after[cut]:
        same_key = after[after["pitch"] == now["pitch"]]
        assert (same_key["onset_s"] == now["offset_s"]).any(), "it was cut without need"


def test_more_wrong_notes_include_the_fewer(compose: Compose) -> None:
    """With one stream a stronger setting adds slips to the same ones: severities compare."""
    clean = compose(0)
    few, many = (
        set(WrongNotes(share=share, reach_semitones=3).draw(clean, stream(0, "w")).notes["note_id"])
        for share in (0.1, 0.4)
    )
    assert few < many
