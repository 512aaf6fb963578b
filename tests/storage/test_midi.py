import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mido  # type: ignore[import-untyped]
import numpy as np
import pretty_midi
import pytest

from degradation.errors import UserError
from degradation.notes import SUSTAIN, TICKS_PER_S, Performance, cut_window
from storage.midi import read_midi, write_midi

RandomPerformance = Callable[..., Performance]


def midi_bytes(*tracks: list[Any], ticks_per_beat: int = 480) -> bytes:
    file = mido.MidiFile(ticks_per_beat=ticks_per_beat)
    file.tracks.extend(mido.MidiTrack(track) for track in tracks)
    written = io.BytesIO()
    file.save(file=written)
    return written.getvalue()


def note(pitch: int, wait: int, ticks: int, channel: int = 0) -> list[Any]:
    return [
        mido.Message("note_on", note=pitch, velocity=64, time=wait, channel=channel),
        mido.Message("note_off", note=pitch, time=ticks, channel=channel),
    ]


def assert_same(found: Performance, expected: Performance) -> None:
    assert np.array_equal(found.notes, expected.notes)
    assert np.array_equal(found.pedal, expected.pedal)


@pytest.mark.parametrize("seed", range(25))
def test_what_is_written_is_read_again_exactly(
    random_performance: RandomPerformance, seed: int
) -> None:
    played = random_performance(seed, notes=1 + 12 * seed)
    assert_same(read_midi(write_midi(played), "x"), played)


def test_the_last_of_several_pedal_movements_on_one_tick_stays_the_last(
    random_performance: RandomPerformance,
) -> None:
    played = random_performance(1)
    at_once = played.pedal.copy()
    at_once["time_s"], at_once["controller"] = 1.0, SUSTAIN
    at_once["value"] = np.arange(len(at_once))[::-1] % 128
    wanted = Performance(notes=played.notes, pedal=at_once, duration_s=10.0)
    assert_same(read_midi(write_midi(wanted), "x"), wanted)


def test_times_are_seconds_to_any_other_reader(random_performance: RandomPerformance) -> None:
    played = random_performance(2)
    loaded = pretty_midi.PrettyMIDI(io.BytesIO(write_midi(played)))
    (piano,) = loaded.instruments
    starts = sorted((n.start, n.pitch, n.end) for n in piano.notes)
    expected = sorted(
        zip(*(played.notes[f] for f in ("onset_s", "pitch", "offset_s")), strict=True)
    )
    assert np.allclose(starts, expected, atol=0.1 / TICKS_PER_S)
    assert piano.program == 0


def test_every_tempo_of_the_first_track_counts() -> None:
    tempi = [
        mido.MetaMessage("set_tempo", tempo=500_000, time=0),
        mido.MetaMessage("set_tempo", tempo=1_000_000, time=480),
        mido.MetaMessage("set_tempo", tempo=250_000, time=480),
    ]
    played = read_midi(midi_bytes(tempi, note(60, 480, 480) + note(62, 0, 480)), "x")
    assert played.notes["onset_s"].tolist() == [0.5, 1.5]
    assert played.notes["offset_s"].tolist() == [1.5, 1.75]


def test_drums_are_passed_over() -> None:
    played = read_midi(midi_bytes([], note(60, 0, 480), note(36, 0, 480, channel=9)), "x")
    assert played.notes["pitch"].tolist() == [60]


def test_a_key_that_is_never_let_go_sounds_to_the_end_of_the_file() -> None:
    end = mido.MetaMessage("end_of_track", time=240)
    struck = [mido.Message("note_on", note=pitch, velocity=64, time=480) for pitch in (60, 64, 67)]
    left, right = [*note(72, 0, 480), *struck, end], note(48, 0, 2640)
    played = read_midi(midi_bytes(left, right), "x")
    assert played.notes[["onset_s", "offset_s", "pitch"]].tolist() == [
        (0.0, 2.75, 48),
        (0.0, 0.5, 72),
        (1.0, 2.75, 60),
        (1.5, 2.75, 64),
        (2.0, 2.75, 67),
    ]
    assert played.duration_s == 2.75


def test_a_key_struck_last_of_all_and_never_let_go_lasts_one_tick() -> None:
    struck = mido.Message("note_on", note=60, velocity=64, time=480)
    (last,) = read_midi(midi_bytes([struck], ticks_per_beat=480), "x").notes
    assert (last["onset_s"], last["offset_s"]) == (0.5, pytest.approx(0.5 + 0.5 / 480, abs=5e-5))


def test_a_key_that_is_struck_again_and_never_let_go_lasts_until_then() -> None:
    struck = [mido.Message("note_on", note=60, velocity=64, time=480) for _ in range(2)]
    played = read_midi(midi_bytes([*struck, *note(72, 0, 480)]), "x")
    assert played.notes[["onset_s", "offset_s"]].tolist() == [(0.5, 1.0), (1.0, 1.5), (1.0, 1.5)]


def test_a_note_shorter_than_the_grid_lasts_one_tick() -> None:
    fine = midi_bytes(note(60, 0, 1), ticks_per_beat=32_000)
    (struck,) = read_midi(fine, "x").notes
    assert struck["offset_s"] - struck["onset_s"] == pytest.approx(1 / TICKS_PER_S)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "cannot be read as MIDI"),
        (b"these are words, no music\n" * 40, "cannot be read as MIDI"),
        (midi_bytes(note(60, 0, 480))[:-9], "cannot be read as MIDI"),
        (midi_bytes([]), "has no notes"),
        (midi_bytes(note(36, 0, 480, channel=9)), "has no notes"),
        (midi_bytes(note(60, 0, 480), ticks_per_beat=0), "cannot be read as MIDI"),
    ],
    ids=["empty", "text", "truncated", "no notes", "drums alone", "no resolution"],
)
def test_a_file_that_cannot_be_used_is_told_in_one_line(data: bytes, reason: str) -> None:
    with pytest.raises(UserError, match=reason) as told:
        read_midi(data, "a.midi")
    assert str(told.value).startswith("a.midi ")
    assert "\n" not in str(told.value)


@pytest.mark.filterwarnings("error")
def test_broken_bytes_raise_nothing_but_user_errors(
    random_performance: RandomPerformance, capfd: pytest.CaptureFixture[str]
) -> None:
    sound = write_midi(random_performance(5))
    rng = random.Random(5)
    told = []
    for number in range(400):
        broken = bytearray(sound)
        if number % 3 == 0:
            broken = broken[: rng.randrange(len(broken))]
        else:
            reach = 60 if number % 2 else len(broken)  # headers deserve more than their share
            for _ in range(rng.choice([1, 1, 2, 20])):
                broken[rng.randrange(reach)] ^= 1 << rng.randrange(8)
        try:
            read_midi(bytes(broken), "broken.midi")
        except UserError as error:
            told.append(str(error))
    assert len(told) > 200
    assert not [line for line in told if "\n" in line]
    assert capfd.readouterr() == ("", "")


def test_music_too_long_to_be_read_back_is_refused(random_performance: RandomPerformance) -> None:
    long = random_performance(1, duration_s=600.0)
    with pytest.raises(ValueError, match=r"expected less than 500 s"):
        write_midi(long)


@pytest.mark.real_data
def test_windows_of_maestro_are_read_again_exactly(real_data: Path) -> None:
    root = real_data / "maestro-v3.0.0"
    for path in sorted(root.glob("*/*.mid*"))[::320]:
        played = read_midi(path.read_bytes(), path.name)
        for start_s in np.linspace(0, played.duration_s - 11, 6).round():
            window = cut_window(played, float(start_s), 10.0)
            if len(window.notes):
                assert_same(read_midi(write_midi(window), "x"), window)


@pytest.mark.real_data
@pytest.mark.filterwarnings("error")
def test_a_broken_maestro_file_raises_nothing_but_user_errors(real_data: Path) -> None:
    path = min((real_data / "maestro-v3.0.0").glob("*/*.mid*"), key=lambda p: p.stat().st_size)
    sound = path.read_bytes()
    rng = random.Random(7)
    told = []
    for number in range(200):
        broken = bytearray(sound[: rng.randrange(len(sound))] if number % 2 else sound)
        for _ in range(0 if number % 2 else rng.choice([1, 5, 50])):
            broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        try:
            read_midi(bytes(broken), path.name)
        except UserError as error:
            told.append(str(error))
    assert len(told) > 100
    assert not [line for line in told if "\n" in line]
