from collections.abc import Callable

import numpy as np
import pytest

from degradation.errors import UserError
from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, Performance
from models.tokens import octuple
from models.tokens.octuple import (
    DURATION_STEPS,
    OCTUPLE,
    OCTUPLE_DTYPE,
    POSITIONS_PER_MEASURE,
    STEP_S,
    octuple_tokens,
)

Performances = Callable[..., Performance]


def perform(*notes: tuple[float, float, int, int]) -> Performance:
    rows = [(number, *note) for number, note in enumerate(notes)]
    no_pedal = np.zeros(0, PEDAL_DTYPE)
    return Performance(notes=np.array(rows, NOTE_DTYPE), pedal=no_pedal, duration_s=1000.0)


def test_golden_case() -> None:
    tokens = octuple_tokens(
        perform(
            (0.0, 0.01, 60, 1),  # within one position
            (0.5, 1.0, 64, 80),  # a beat: 16 steps
            (2.02, 2.99, 21, 127),  # positions 65 and 96: 31 steps
            (511.98, 900.0, 108, 64),  # position 16383; longer than the last class's beginning
        )
    )
    expected = [
        (0, 0, 0, 60, 0, 0, 9, 35),
        (0, 16, 0, 64, 16, 20, 9, 35),
        (1, 1, 0, 21, 23, 31, 9, 35),
        (255, 63, 0, 108, 127, 16, 9, 35),
    ]
    assert tokens.tolist() == expected
    assert OCTUPLE.classes(tokens).tolist() == [list(row) for row in expected]


def test_sizes_are_those_of_musicbert() -> None:
    assert OCTUPLE_DTYPE.names == (
        "measure", "position", "program", "pitch", "duration", "velocity", "time_signature",
        "tempo",
    )  # fmt: skip
    assert list(OCTUPLE.vocabulary.values()) == [256, 128, 129, 256, 128, 32, 254, 49]
    assert (STEP_S, POSITIONS_PER_MEASURE) == (0.03125, 64)


def test_time_signatures_count_up_to_4_4() -> None:
    signatures = [
        (beats, 2**power) for power in range(7) for beats in range(1, 2 ** (power + 1) + 1)
    ]
    assert len(signatures) == OCTUPLE.vocabulary["time_signature"]
    assert signatures.index((4, 4)) == octuple.FOUR_FOUR


def test_the_tempo_s_class_is_the_nearest_to_120() -> None:
    tempos = 16 * 2 ** (np.arange(49) / 12)
    assert tempos[-1] == pytest.approx(256)
    assert np.abs(np.log(tempos / 120)).argmin() == octuple.TEMPO


def test_each_length_falls_into_the_class_of_its_octave() -> None:
    steps = np.arange(5000)
    octave = np.floor(np.log2(steps / 16 + 1)).astype(int)
    wanted = np.minimum(16 * octave + (steps - 16 * (2**octave - 1)) // 2**octave, 127)
    ends_s = np.maximum(steps * STEP_S, 1e-4)
    got = []
    for chord_s in np.array_split(ends_s, 60):  # a key can be struck once at a time
        chord = perform(*((0.0, float(end_s), key, 64) for key, end_s in enumerate(chord_s, 21)))
        got += octuple_tokens(chord)["duration"].tolist()
    assert got == wanted.tolist()
    assert len(DURATION_STEPS) == 128


def test_halves_go_to_the_even_position() -> None:
    halves_s = [(step + 0.5) * STEP_S for step in range(6)]
    tokens = octuple_tokens(perform(*((half_s, half_s + 0.01, 60, 64) for half_s in halves_s)))
    assert tokens["position"].tolist() == [0, 2, 2, 4, 4, 6]


@pytest.mark.parametrize("seed", range(5))
def test_the_round_trip_is_within_half_a_step(seed: int, perform_at_random: Performances) -> None:
    performance = perform_at_random(seed, notes=3000, duration_s=500.0)
    notes, decoded = performance.notes, OCTUPLE.decode(octuple_tokens(performance))
    assert len(decoded) == 3000, "the original keeps 1,000"
    assert np.abs(decoded["onset_s"] - notes["onset_s"]).max() <= STEP_S / 2 + 1e-9
    assert np.abs(decoded["velocity"].astype(int) - notes["velocity"]).max() <= 2
    held_s = notes["offset_s"] - notes["onset_s"]
    short = held_s < 14 * STEP_S
    assert short.any()
    assert np.abs(decoded["offset_s"] - notes["offset_s"])[short].max() <= STEP_S / 2 + 1e-9


def test_a_long_note_keeps_its_length_within_a_sixteenth_of_an_octave() -> None:
    for held_s in np.geomspace(0.5, 120.0, 200):
        tokens = octuple_tokens(perform((0.0, float(held_s), 60, 64)))
        decoded_s = float(OCTUPLE.decode(tokens)["offset_s"][0])
        assert -STEP_S / 2 <= held_s - decoded_s <= held_s / 16 + 1.5 * STEP_S


def test_a_measure_later_only_the_measure_changes(perform_at_random: Performances) -> None:
    performance = perform_at_random(1, notes=500, duration_s=100.0)
    later = performance.notes.copy()
    later["onset_s"] += 2.0
    later["offset_s"] += 2.0
    before = octuple_tokens(performance)
    after = octuple_tokens(Performance(notes=later, pedal=performance.pedal, duration_s=110.0))
    assert (after["measure"] == before["measure"] + 1).all()
    others = [name for name in OCTUPLE_DTYPE.names or () if name != "measure"]
    assert (after[others] == before[others]).all()
    assert np.allclose(octuple.onset_s(after) - octuple.onset_s(before), 2.0)


def test_a_note_past_the_last_measure_is_refused() -> None:
    assert len(octuple_tokens(perform((511.98, 512.5, 60, 64)))) == 1
    with pytest.raises(UserError, match=r"begins at 512\.0 s; expected octuple tokens' 256 measur"):
        octuple_tokens(perform((0.0, 1.0, 60, 64), (511.99, 512.5, 60, 64)))
