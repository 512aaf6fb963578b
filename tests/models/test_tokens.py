from pathlib import Path

import numpy as np
import pytest

from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, SOFT, SUSTAIN, Performance
from models.tokens import TOKEN_DTYPE, performance_tokens
from storage.midi import read_midi


def perform(
    notes: list[tuple[float, float, int, int]], pedal: list[tuple[float, int, int]]
) -> Performance:
    rows = [(number, *note) for number, note in enumerate(notes)]
    return Performance(
        notes=np.array(rows, NOTE_DTYPE), pedal=np.array(pedal, PEDAL_DTYPE), duration_s=10.0
    )


def test_golden_case() -> None:
    performance = perform(
        [(0.5, 1.0, 60, 80), (2.0, 2.5, 64, 50), (4.0, 4.1, 60, 30), (9.0, 9.5, 72, 100)],
        [(0.2, SUSTAIN, 90), (0.8, SUSTAIN, 127), (1.5, SUSTAIN, 40), (2.4, SUSTAIN, 70),
         (3.0, SOFT, 33), (6.0, SUSTAIN, 63), (9.2, SUSTAIN, 64)],
    )  # fmt: skip
    expected = np.array(
        [
            (0.5, 0.5, 1.0, 60, 80, 90, 127, 0),  # rings until the damper falls at 1.5
            (2.0, 0.5, 4.0, 64, 50, 40, 70, 0),  # caught by the pedal that rises at 6
            (4.0, 0.1, 2.0, 60, 30, 70, 70, 33),
            (9.0, 0.5, 1.0, 72, 100, 63, 64, 33),  # rings to the end
        ],
        TOKEN_DTYPE,
    )
    tokens = performance_tokens(performance)
    for name in TOKEN_DTYPE.names or ():
        np.testing.assert_allclose(tokens[name], expected[name], rtol=1e-6, err_msg=name)


def test_a_key_struck_again_ends_the_ring() -> None:
    performance = perform([(0, 0.5, 60, 80), (2, 2.5, 60, 80)], [(0, SUSTAIN, 127)])
    assert performance_tokens(performance)["sounding_s"].tolist() == [2.0, 8.0]


@pytest.mark.parametrize("seed", range(10))
def test_no_note_is_dropped_and_times_are_kept(seed: int) -> None:
    rng = np.random.default_rng(seed)
    notes = np.zeros(1500, NOTE_DTYPE)
    notes["note_id"] = np.arange(1500)
    notes["onset_s"] = np.sort(rng.uniform(0, 600, 1500))
    notes["offset_s"] = notes["onset_s"] + 1e-4
    notes["pitch"] = rng.integers(21, 109, 1500)
    notes["velocity"] = rng.integers(1, 128, 1500)
    pedal = np.zeros(200, PEDAL_DTYPE)
    pedal["time_s"] = np.sort(rng.uniform(0, 600, 200))
    pedal["controller"] = SUSTAIN
    pedal["value"] = rng.integers(0, 128, 200)
    tokens = performance_tokens(Performance(notes=notes, pedal=pedal, duration_s=601.0))
    assert len(tokens) == 1500
    assert np.abs(tokens["onset_s"] - notes["onset_s"]).max() < 0.001
    assert (tokens["pitch"] == notes["pitch"]).all()
    assert (tokens["velocity"] == notes["velocity"]).all()
    assert (tokens["sounding_s"] >= tokens["duration_s"]).all()


def test_pedal_depth_is_continuous() -> None:
    depths = list(range(128))
    performance = perform(
        [(0.05 * (i + 1), 0.05 * (i + 1) + 0.001, 60, 64) for i in depths],
        [(0.05 * (i + 1), SUSTAIN, i) for i in depths],
    )
    assert performance_tokens(performance)["pedal_onset"].tolist() == depths


def test_silence_has_no_tokens() -> None:
    assert performance_tokens(perform([], [])).shape == (0,)


@pytest.mark.real_data
def test_real_performances_lose_no_note(real_data: Path) -> None:
    folder = real_data / "maestro-v3.0.0"
    for path in sorted(folder.glob("2009/*.midi"))[:3]:
        performance = read_midi(path.read_bytes(), path.name)
        tokens = performance_tokens(performance)
        assert len(tokens) == len(performance.notes)
        assert np.abs(tokens["onset_s"] - performance.notes["onset_s"]).max() < 0.001
        assert (tokens["sounding_s"] > 0).all()
        assert len(np.unique(tokens["pedal_onset"])) > 20, "the pedal is continuous"
