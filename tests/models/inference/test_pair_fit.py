from pathlib import Path

import numpy as np
import pytest
import soundfile

from degradation.errors import UserError
from degradation.notes import NOTE_DTYPE, NoteArray
from degradation.seeds import stream
from models.inference.pair_fit import check_fit

RATE_HZ = 16_000
LENGTH_S = 30.0


def play(name: str) -> NoteArray:
    draw, notes = stream(7, name), np.zeros(120, dtype=NOTE_DTYPE)
    notes["onset_s"] = np.sort(draw.uniform(0.2, LENGTH_S - 4, len(notes)))
    notes["offset_s"] = notes["onset_s"] + 0.4
    notes["pitch"] = draw.choice([60, 62, 64, 65, 67, 69, 71, 72, 74, 76], len(notes))
    notes["velocity"] = 70
    return notes


def sound(folder: Path, notes: NoteArray, later_s: float = 0.0, noise: float = 0.002) -> Path:
    samples = stream(8, "noise").normal(0, noise, round(LENGTH_S * RATE_HZ))
    for note in notes:
        first = round((note["onset_s"] + later_s) * RATE_HZ)
        times_s = np.arange(RATE_HZ) / RATE_HZ
        tone = np.sin(2 * np.pi * 440 * 2 ** ((int(note["pitch"]) - 69) / 12) * times_s)
        samples[first : first + RATE_HZ] += 0.05 * tone * np.exp(-4 * times_s)
    soundfile.write(folder / "take.wav", samples, RATE_HZ)
    return folder / "take.wav"


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_a_pair_fits_though_it_is_jittered(tmp_path: Path, noise: float) -> None:
    notes = play("a")
    path = sound(tmp_path, notes, noise=noise)
    notes["onset_s"] += stream(9, "jitter").normal(0, 0.03, len(notes))
    assert check_fit(notes, path, LENGTH_S) == ()


def test_other_music_in_the_same_key_is_refused(tmp_path: Path) -> None:
    path = sound(tmp_path, play("a"))
    with pytest.raises(UserError, match=r"^take\.wav is other music than the MIDI"):
        check_fit(play("b"), path, LENGTH_S)


@pytest.mark.parametrize(
    ("later_s", "told"), [(0.1, ""), (0.6, "0.6 s later"), (2.0, "2.0 s later")]
)
def test_an_offset_is_told(tmp_path: Path, later_s: float, told: str) -> None:
    remarks = check_fit(play("a"), sound(tmp_path, play("a"), later_s), LENGTH_S)
    assert told in remarks[0] if told else remarks == ()


def test_a_few_notes_and_silence_are_not_judged(tmp_path: Path) -> None:
    assert check_fit(play("a")[:9], sound(tmp_path, play("b")), LENGTH_S) == ()
    soundfile.write(tmp_path / "take.wav", np.zeros(RATE_HZ * 30), RATE_HZ)
    assert check_fit(play("a"), tmp_path / "take.wav", LENGTH_S) == ()
