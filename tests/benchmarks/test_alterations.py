"""Each alteration does what it says, and nothing else."""

from typing import Any

import numpy as np
import pytest

from benchmarks.alterations import ALTERATIONS, LAWS, PIECE_S, STOP_S
from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, SUSTAIN, Performance, snap
from degradation.pedal import is_down
from degradation.waveform import Waveform, level_dbfs, snr_db

DURATION_S, RATE_HZ = 60.1, 8000


@pytest.fixture
def played() -> Performance:
    """Notes at any time on half of the keyboard, and the pedal down every other second."""
    rng = np.random.default_rng(3)
    notes = np.zeros(400, NOTE_DTYPE)
    notes["note_id"] = np.arange(400)
    notes["onset_s"] = snap(np.sort(rng.uniform(0.2, DURATION_S - 1, 400)))
    notes["offset_s"] = snap(notes["onset_s"] + 0.01)
    notes["pitch"] = rng.integers(40, 80, 400)
    notes["velocity"] = rng.integers(30, 110, 400)
    pedal = np.zeros(58, PEDAL_DTYPE)
    pedal["time_s"], pedal["controller"] = np.arange(1.0, 59.0), SUSTAIN
    pedal["value"] = np.tile([127, 0], 29)
    return Performance(notes=notes, pedal=pedal, duration_s=DURATION_S)


@pytest.fixture
def heard() -> Waveform:
    samples = 0.1 * np.random.default_rng(4).standard_normal(5 * RATE_HZ)
    return Waveform(samples=samples.astype(np.float32), sample_rate_hz=RATE_HZ)


def altered(name: str, given: Any) -> Any:
    how = ALTERATIONS[name]
    change: Any = how.notes or how.sound
    return change(given, np.random.default_rng(0))


def by_id(performance: Performance, field: str) -> np.ndarray:
    order = np.argsort(performance.notes["note_id"])
    return performance.notes[field][order].astype(float)


def change(name: str, played: Performance, field: str) -> np.ndarray:
    return by_id(altered(name, played), field) - by_id(played, field)


@pytest.mark.parametrize("name", [name for name, how in ALTERATIONS.items() if how.notes])
def test_notes_are_none_lost_and_the_original_stays(name: str, played: Performance) -> None:
    before = played.notes.copy()
    once, again = altered(name, played), altered(name, played)
    np.testing.assert_array_equal(played.notes, before)
    np.testing.assert_array_equal(once.notes, again.notes)
    np.testing.assert_array_equal(np.sort(once.notes["note_id"]), before["note_id"])


def test_backwards_the_last_note_is_the_first_and_the_pedal_is_down_with_it(
    played: Performance,
) -> None:
    found = altered("played backwards", played)
    ends_s = played.notes["onset_s"][[0, -1]].sum()
    np.testing.assert_allclose(by_id(found, "onset_s"), ends_s - by_id(played, "onset_s"))
    assert list(found.notes["pitch"][:9]) == list(played.notes["pitch"][:-10:-1])
    times_s = np.arange(2.25, 55, 0.5)
    there = is_down(found.pedal, ends_s - times_s)
    np.testing.assert_array_equal(there, is_down(played.pedal, times_s))
    assert 0 < there.mean() < 1


def test_shuffled_pieces_hold_together(played: Performance) -> None:
    shift_s = change("shuffled in 250-ms pieces", played, "onset_s")
    np.testing.assert_allclose(shift_s / PIECE_S, np.rint(shift_s / PIECE_S), atol=1e-3)
    piece = np.floor(played.notes["onset_s"] / PIECE_S)
    assert all(np.ptp(shift_s[piece == one]) < 1e-3 for one in np.unique(piece))
    assert (np.abs(shift_s) > 1).mean() > 0.8


def test_transposed_as_a_whole_up_or_down(played: Performance) -> None:
    assert set(change("transposed by 3 semitones", played, "pitch")) == {3}
    notes = played.notes.copy()
    notes["pitch"] += 108 - notes["pitch"].max()
    high = Performance(notes=notes, pedal=played.pedal, duration_s=DURATION_S)
    assert set(change("transposed by 3 semitones", high, "pitch")) == {-3}


def test_half_of_the_notes_are_wrong(played: Performance) -> None:
    assert 0.4 < (change("half of the notes wrong", played, "pitch") != 0).mean() < 0.6
    assert np.abs(change("half of the notes wrong", played, "onset_s")).max() < 1e-3


def test_of_random_notes_nothing_is_left(played: Performance) -> None:
    found = altered("all notes random", played)
    for field in ("onset_s", "pitch", "velocity"):
        assert abs(np.corrcoef(by_id(found, field), by_id(played, field))[0, 1]) < 0.2


@pytest.mark.parametrize("spread_ms", [10, 30, 100])
def test_onsets_stray_by_what_is_said(spread_ms: int, played: Performance) -> None:
    shift_s = change(f"onsets off by {spread_ms} ms", played, "onset_s")
    assert 1000 * shift_s.std() == pytest.approx(spread_ms, rel=0.15)


def test_a_stop_delays_the_second_half(played: Performance) -> None:
    shift_s = change("a stop of 3 s", played, "onset_s")
    np.testing.assert_allclose(shift_s[:200], 0)
    np.testing.assert_allclose(shift_s[200:], STOP_S)


def test_half_speed_takes_twice_as_long(played: Performance) -> None:
    found = altered("half speed", played)
    assert found.duration_s == 2 * DURATION_S
    np.testing.assert_allclose(by_id(found, "onset_s"), 2 * by_id(played, "onset_s"), atol=1e-3)
    np.testing.assert_allclose(found.pedal["time_s"], 2 * played.pedal["time_s"])


def test_velocities_are_a_third_lower(played: Performance) -> None:
    found = altered("velocities a third lower", played)
    expected = by_id(played, "velocity") * 2 / 3
    np.testing.assert_allclose(by_id(found, "velocity"), expected, atol=0.5)


def test_sound_is_turned_shuffled_noisy_and_quiet(heard: Waveform) -> None:
    np.testing.assert_array_equal(altered("sound: backwards", heard).samples, heard.samples[::-1])
    shuffled = altered("sound: shuffled in 250-ms pieces", heard).samples
    pieces, whole = (x.reshape(-1, int(PIECE_S * RATE_HZ)) for x in (shuffled, heard.samples))
    assert {bytes(one) for one in pieces} == {bytes(one) for one in whole}
    assert (pieces != whole).any()
    noisy = altered("sound: noise at 20 dB", heard)
    assert snr_db(heard.samples, noisy.samples) == pytest.approx(20, abs=0.1)
    quiet = altered("sound: 30 dB quieter", heard)
    assert level_dbfs(quiet.samples) == pytest.approx(level_dbfs(heard.samples) - 30, abs=0.01)


def test_laws_know_what_keeps_them() -> None:
    kept = {name: [keeps(points) for points in (-6, -2, 0, 2, 6)] for name, keeps in LAWS.items()}
    assert kept == {
        "falls": [True, False, False, False, False],
        "does not rise": [True, True, True, True, False],
        "does not move": [False, True, True, True, False],
    }
    assert {how.law for how in ALTERATIONS.values()} == set(LAWS)
