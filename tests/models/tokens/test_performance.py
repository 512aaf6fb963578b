from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, SOFT, SUSTAIN, Performance
from models.tokens.performance import (
    PERFORMANCE,
    PERFORMANCE_DTYPE,
    performance_tokens,
    time_classes,
)
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
        PERFORMANCE_DTYPE,
    )
    tokens = performance_tokens(performance)
    for name in PERFORMANCE_DTYPE.names or ():
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


@pytest.mark.parametrize("seed", range(5))
def test_the_round_trip_gives_the_very_notes(
    seed: int, perform_at_random: Callable[..., Performance]
) -> None:
    performance = perform_at_random(seed, notes=2000, duration_s=480.0)
    decoded = PERFORMANCE.decode(performance_tokens(performance))
    fields = ["onset_s", "offset_s", "pitch", "velocity"]
    assert (decoded[fields] == performance.notes[fields]).all()


def test_an_hour_on_the_round_trip_is_exact_to_float32() -> None:
    onset_s = np.linspace(3600, 3700, 500)
    performance = Performance(
        notes=np.array([(i, on, on + 0.1, 60, 64) for i, on in enumerate(onset_s)], NOTE_DTYPE),
        pedal=np.zeros(0, PEDAL_DTYPE),
        duration_s=4000.0,
    )
    decoded = PERFORMANCE.decode(performance_tokens(performance))
    float32_step_s = float(np.spacing(np.float32(3700)))
    assert np.abs(decoded["onset_s"] - onset_s).max() < float32_step_s


def test_time_classes_are_10_ms_wide_and_then_a_constant_ratio() -> None:
    edges_s = [0, 0.0099, 0.01, 0.03, 0.6399, 0.64, 0.69, 0.7, 1.28, 2.56, 150.1, 150.3, 1e4]
    classes = time_classes(np.array(edges_s, np.float32))
    assert classes.tolist() == [0, 0, 1, 3, 63, 64, 64, 65, 72, 80, 126, 127, 127]
    every_ms = time_classes(np.arange(0, 200, 0.001))
    assert set(np.diff(every_ms)) == {0, 1}, "no class is skipped, and none comes twice"


def test_classes_of_the_golden_case() -> None:
    performance = perform(
        [(0.5, 1.0, 60, 80), (2.0, 2.05, 64, 1), (2.0, 2.5, 67, 127)],
        [(0.2, SUSTAIN, 90), (1.5, SUSTAIN, 0), (1.9, SOFT, 127)],
    )
    assert list(PERFORMANCE.vocabulary) == [
        "gap", "duration", "sounding", "pitch", "velocity", "pedal_onset", "pedal_release",
        "soft_onset",
    ]  # fmt: skip
    assert PERFORMANCE.classes(performance_tokens(performance)).tolist() == [
        [0, 50, 64 + 5, 60, 20, 22, 22, 0],
        [64 + 9, 5, 5, 64, 0, 0, 0, 31],
        [0, 50, 50, 67, 31, 0, 0, 31],
    ]


def test_only_the_first_gap_depends_on_where_a_window_begins(
    perform_at_random: Callable[..., Performance],
) -> None:
    tokens = performance_tokens(perform_at_random(1, notes=300, duration_s=60.0))
    whole, part = PERFORMANCE.classes(tokens), PERFORMANCE.classes(tokens[100:])
    assert (whole[101:] == part[1:]).all()
    assert part[0, 0] == 0


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
