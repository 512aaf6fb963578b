"""Wrong notes and slips: how many, which, and near which keys."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import scipy.stats
from numpy.typing import NDArray

from degradation.edits import Change, Edits, apply_edits
from degradation.melody_bass import find_bass, find_melody
from degradation.notes import PIANO_PITCHES, Performance
from degradation.seeds import stream
from degradation.wrong_notes import Slips, WrongNotes

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


WHITE = (0, 2, 4, 5, 7, 9, 11)


@pytest.fixture
def chorale(assemble: Assemble) -> Performance:
    """Five-part chords of C major, two a second."""
    chords = (
        (48, 55, 60, 64, 72),
        (53, 57, 60, 65, 69),
        (43, 59, 62, 65, 71),
        (48, 52, 55, 64, 67),
    )
    return assemble(
        [(0.5 * n, 0.5 * n + 0.45, pitch, 64) for n in range(20) for pitch in chords[n % 4]]
    )


def slips_of(clean: Performance, share: float, seeds: int) -> list[Edits]:
    return [Slips(share=share).draw(clean, stream(seed, "slips")) for seed in range(seeds)]


@pytest.mark.parametrize("share", [0.01, 0.02, 0.16])
def test_the_share_is_the_one_asked_for_of_slips(corpus: list[Performance], share: float) -> None:
    counts = [
        len(Slips(share=share).draw(clean, stream(at, "s")).notes)
        for at, clean in enumerate(corpus)
    ]
    assert {int(100 * share), int(100 * share) + 1} >= set(counts)


def test_notes_are_missed_added_and_mistaken_in_a_fixed_mix(chorale: Performance) -> None:
    change = np.concatenate([edits.notes["change"] for edits in slips_of(chorale, 0.1, 200)])
    for kind, expected in ((Change.MISSED, 0.4), (Change.EXTRA, 0.4), (Change.ALTERED, 0.2)):
        assert np.mean(change == kind) == pytest.approx(expected, abs=0.04)


def test_inner_voices_slip_more_than_the_bass_and_that_more_than_the_melody(
    chorale: Performance,
) -> None:
    slipped = np.concatenate(
        [
            edits.notes["note_id"][edits.notes["change"] != Change.EXTRA]
            for edits in slips_of(chorale, 0.05, 300)
        ]
    )
    often = np.bincount(slipped, minlength=len(chorale.notes))
    ids = chorale.notes["note_id"]
    melody, bass = find_melody(chorale.notes), find_bass(chorale.notes)
    assert melody.sum() == bass.sum() == 20
    inner = often[ids[~melody & ~bass]].mean()
    assert often[ids[bass]].mean() == pytest.approx(0.4 * inner, rel=0.25)
    assert often[ids[melody]].mean() == pytest.approx(0.15 * inner, rel=0.35)


def test_keys_hit_instead_are_near_and_mostly_in_the_harmony(chorale: Performance) -> None:
    by_id = dict(zip(chorale.notes["note_id"], chorale.notes["pitch"], strict=True))
    hit, steps = [], []
    for edits in slips_of(chorale, 0.1, 200):
        for edit in edits.notes[edits.notes["change"] == Change.ALTERED]:
            hit.append(by_id[edit["note_id"]] + edit["pitch_shift"])
            steps.append(abs(edit["pitch_shift"]))
        hit += edits.notes["pitch_shift"][edits.notes["change"] == Change.EXTRA].tolist()
    assert np.mean(np.isin(np.array(hit) % 12, WHITE)) > 0.95
    assert max(steps) <= 4
    assert min(steps) >= 1


def test_extra_notes_are_short_soft_and_beside_a_struck_key(chorale: Performance) -> None:
    for edits in slips_of(chorale, 0.2, 30):
        for extra in edits.notes[edits.notes["change"] == Change.EXTRA]:
            nearby = chorale.notes[
                np.abs(chorale.notes["onset_s"] - extra["onset_shift_s"]) <= 0.0201
            ]
            assert np.abs(nearby["pitch"].astype(int) - extra["pitch_shift"]).min() in (1, 2)
            assert 0.039 <= extra["offset_shift_s"] - extra["onset_shift_s"] <= 0.121
            assert 0.4 * 64 - 1 <= extra["velocity_shift"] <= 0.75 * 64
            assert extra["note_id"] > chorale.notes["note_id"].max()


@pytest.mark.parametrize("seed", range(20))
def test_the_other_notes_stay_and_the_slips_are_what_they_are_said_to_be(
    compose: Compose, seed: int
) -> None:
    clean = compose(seed)
    edits = Slips(share=0.3).draw(clean, stream(seed, "slips"))
    damaged = apply_edits(clean, edits)
    change, named = edits.notes["change"], edits.notes["note_id"]
    gone = named[change == Change.MISSED]
    assert not np.isin(gone, damaged.notes["note_id"]).any()
    assert len(damaged.notes) == len(clean.notes) - len(gone) + np.sum(change == Change.EXTRA)
    kept_before = clean.notes[~np.isin(clean.notes["note_id"], named)]
    kept_after = damaged.notes[
        np.isin(damaged.notes["note_id"], clean.notes["note_id"])
        & ~np.isin(damaged.notes["note_id"], named)
    ]
    by_id = "note_id"
    assert np.array_equal(np.sort(kept_before, order=by_id), np.sort(kept_after, order=by_id))
    before, after = (
        np.sort(notes[np.isin(notes["note_id"], named[change == Change.ALTERED])], order=by_id)
        for notes in (clean.notes, damaged.notes)
    )
    assert (before["pitch"] != after["pitch"]).all()
    same = ["onset_s", "offset_s", "velocity"]
    assert np.array_equal(before[same], after[same])


def test_a_larger_share_adds_slips_to_the_same_ones(compose: Compose) -> None:
    few, many = (Slips(share=share).draw(compose(0), stream(0, "s")).notes for share in (0.1, 0.3))
    assert len(many) > len(few)
    assert np.array_equal(many[: len(few)], few)


def test_where_every_key_around_is_down_the_note_is_missed(assemble: Assemble) -> None:
    crowded = assemble([(1.0, 3.0, pitch, 64) for pitch in range(21, 109)])
    change = Slips(share=0.3).draw(crowded, stream(0, "s")).notes["change"]
    assert (change == Change.MISSED).all()
