"""Laws of the MIDI reader: one performance in every form that files have is read alike.

The writer below knows nothing of the product's own: it takes whole ticks and writes bytes.
"""

import random
import resource
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pretty_midi
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from degradation.errors import UserError
from degradation.notes import PEDAL_CONTROLLERS, TICK_S
from storage.midi import read_piano

Event = tuple[int, int, bytes]
"""A tick, a rank inside it (releases, pedal, strokes), and a whole message."""

END = b"\x00\xff\x2f\x00"


def number(value: int) -> bytes:
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(0x80 | value & 0x7F)
    return bytes(reversed(groups))


def track(events: list[Event], *, running: bool = False, end: bytes = END) -> bytes:
    out, now, status = b"", 0, 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        out += number(tick - now)
        repeats = running and message[0] == status and message[0] < 0xF0
        out += message[1:] if repeats else message
        now, status = tick, message[0] if message[0] < 0xF0 else status
    return out + end


def chunk(name: bytes, body: bytes, length: int | None = None) -> bytes:
    return name + struct.pack(">L", len(body) if length is None else length) + body


def midi(*tracks: bytes, division: int = 480, kind: int = 1, count: int | None = None) -> bytes:
    header = struct.pack(">HHH", kind, len(tracks) if count is None else count, division)
    return chunk(b"MThd", header) + b"".join(chunk(b"MTrk", each) for each in tracks)


def note(pitch: int, on: int, off: int, channel: int = 0, velocity: int = 64) -> list[Event]:
    return [
        (on, 2, bytes((0x90 | channel, pitch, velocity))),
        (off, 0, bytes((0x80 | channel, pitch, 0))),
    ]


def control(tick: int, controller: int, value: int, channel: int = 0) -> Event:
    return (tick, 1, bytes((0xB0 | channel, controller, value)))


def program(number: int, channel: int = 0) -> Event:
    return (0, 0, bytes((0xC0 | channel, number)))


def meta(kind: int, content: bytes, tick: int = 0) -> Event:
    return (tick, 0, b"\xff" + bytes((kind,)) + number(len(content)) + content)


def played(data: bytes) -> list[tuple[float, float, int]]:
    notes = read_piano(data, "x").performance.notes
    return [(round(n["onset_s"], 4), round(n["offset_s"], 4), int(n["pitch"])) for n in notes]


def pedalled(data: bytes) -> list[tuple[float, int]]:
    pedal = read_piano(data, "x").performance.pedal
    return [(round(float(p["time_s"]), 4), int(p["value"])) for p in pedal]


def left_out(data: bytes) -> str:
    return "; ".join(read_piano(data, "x").left_out)


# 480 ticks a quarter at 120 beats a minute: 960 ticks a second.
TUNE = [*note(60, 0, 960), *note(64, 960, 1920), *note(67, 1920, 2880)]
FEET = [control(480, 64, 100), control(1440, 64, 0)]
PLAIN = midi(track(TUNE + FEET))
HEARD = [(0.0, 1.0, 60), (1.0, 2.0, 64), (2.0, 3.0, 67)]
PEDAL = [(0.5, 100), (1.5, 0)]


def relabelled(length: int) -> bytes:
    return midi()[:10] + b"\0\1" + PLAIN[12:14] + chunk(b"MTrk", track(TUNE + FEET), length)


SYSEX = (1000, 0, b"\xf0\x03\x43\x10\xf7")
FOREIGN = chunk(b"XFIH", b"\x90\x3c\x40MTrx")
FORMS = {
    "plain": PLAIN,
    "type 0": midi(track(TUNE + FEET), kind=0),
    "a type that does not exist": midi(track(TUNE + FEET), kind=7),
    "type 2 of one piece": midi(track(TUNE + FEET), track([]), kind=2),
    "running status": midi(track(TUNE + FEET, running=True)),
    "running status after meta events and sysex": midi(
        track(
            [*TUNE, *FEET, *(meta(1, b"x", tick) for tick in (700, 960, 1900)), SYSEX],
            running=True,
        )
    ),
    "a pedal track": midi(track(TUNE), track(FEET)),
    "a pedal track before the notes": midi(track(FEET), track(TUNE)),
    "a pedal on a channel of its own": midi(
        track(TUNE), track([control(480, 64, 100, 5), control(1440, 64, 0, 5)])
    ),
    "a pedal on every channel": midi(
        track(TUNE + [(t, r, bytes((m[0] + c, *m[1:]))) for t, r, m in FEET for c in range(16)])
    ),
    "hands on two channels": midi(
        track([*note(60, 0, 960), *note(67, 1920, 2880), *FEET]), track(note(64, 960, 1920, 1))
    ),
    "a doubled keyboard": midi(
        track(TUNE + FEET + [(t, r, bytes((m[0] + 1, *m[1:]))) for t, r, m in TUNE])
    ),
    "a key of 18 flats": midi(track([meta(0x59, b"\xee\x01"), *TUNE, *FEET])),
    "a mode of 255": midi(track([meta(0x59, b"\x02\xff"), *TUNE, *FEET])),
    "a time signature of nothing": midi(track([meta(0x58, b""), *TUNE, *FEET])),
    "a time signature beyond reason": midi(track([meta(0x58, b"\0\xff\0\0"), *TUNE, *FEET])),
    "a tempo of none": midi(track([meta(0x51, b"\0\0\0"), *TUNE, *FEET])),
    "text in no encoding": midi(track([meta(3, b"\xff\xfe\x80 \x00"), *TUNE, *FEET])),
    "text in Shift JIS": midi(track([meta(3, "ピアノ".encode("shift_jis")), *TUNE, *FEET])),
    "an empty name": midi(track([meta(3, b""), *TUNE, *FEET])),
    "no end of track": midi(track(TUNE + FEET, end=b"")),
    "too few tracks counted": midi(track(TUNE), track(FEET), count=1),
    "no tracks counted": midi(track(TUNE + FEET), count=0),
    "a longer header": chunk(b"MThd", PLAIN[8:14] + b"\1\2") + PLAIN[14:],
    "a foreign chunk first": PLAIN[:14] + FOREIGN + PLAIN[14:],
    "a foreign chunk between": midi(track(TUNE)) + FOREIGN + midi(track(FEET))[14:],
    "a foreign chunk last": PLAIN + FOREIGN,
    "a foreign chunk cut off": PLAIN + FOREIGN[:-6],
    "trailing bytes": PLAIN + b"\r\n",
    "trailing zeros": PLAIN + bytes(1000),
    "trailing noise": PLAIN + bytes(range(128, 200)),
    "a track without length": relabelled(0),
    "a track of unknown length": relabelled(0xFFFF_FFFF),
    "a track that is said to be shorter": relabelled(20),
    "a track that is said to be longer": relabelled(2000),
    "a track that is longer by padding": midi(track(TUNE + FEET) + bytes(30)),
    "RMID": b"RIFF\0\0\0\0RMIDdata" + struct.pack("<L", len(PLAIN)) + PLAIN,
    "RMID with words first": b"RIFF\0\0\0\0RMIDLIST\x04\0\0\0INFOdata\0\0\0\0" + PLAIN,
    "a Macintosh header": bytes(128) + PLAIN,
    "SMPTE of 25 frames": midi(
        track([(t * 1000 // 960, r, m) for t, r, m in TUNE + FEET]), division=0xE728
    ),
    "tempo in the second track": midi(
        track([(t * 2, r, m) for t, r, m in TUNE + FEET]), track([meta(0x51, b"\x03\xd0\x90")])
    ),
    "active sensing": midi(track([*TUNE, *FEET, (500, 0, b"\xfe"), (600, 0, b"\xf8")])),
    "one sound that is no piano": midi(track([program(40), *TUNE, *FEET])),
    "the last key held": midi(track([*TUNE[:-1], *FEET], end=b"\x87\x40\xff\x2f\0")),
    "all notes off": midi(track([*TUNE[:-1], *FEET, control(2880, 123, 0)])),
    "all sound off": midi(track([*TUNE[:-1], *FEET, control(2880, 120, 0)])),
    "reset lets the pedal up": midi(track([*TUNE, FEET[0], control(1440, 121, 0)])),
    "drums beside": midi(track(TUNE + FEET), track(note(36, 0, 100, 9))),
    "a voice beside": midi(track(TUNE + FEET), track([program(52, 1), *note(72, 0, 960, 1)])),
    "a voice with its own pedal": midi(
        track(TUNE + FEET),
        track([program(52, 1), *note(72, 0, 960, 1), control(0, 64, 127, 1)]),
    ),
    "a voice on the same channel": midi(
        track([program(0), *TUNE, *FEET]), track([program(52), *note(60, 480, 700)])
    ),
    "a voice by its words": midi(track(TUNE + FEET), track([meta(5, b"la"), *note(72, 0, 9, 1)])),
    "a voice by its name": midi(
        track([meta(3, b"Piano"), *TUNE, *FEET]), track([meta(3, b"Alto"), *note(72, 0, 9)])
    ),
    "key switches": midi(track([*TUNE, *FEET, *note(12, 0, 100), *note(109, 0, 100)])),
    "programs set by a conductor": midi(
        track([program(0), program(48, 1)]), track(TUNE + FEET), track(note(72, 0, 960, 1))
    ),
    "another file behind": PLAIN + midi(track(note(80, 0, 960))),
    "a track that is missing": midi(track(TUNE + FEET), count=2),
}  # fmt: skip
TOLD = {
    "one sound that is no piano": "Violin",
    "drums beside": "1 note of drums",
    "a voice beside": "1 note of Choir Aahs (program 53)",
    "a voice with its own pedal": "1 note of Choir Aahs",
    "a voice on the same channel": "1 note of Choir Aahs",
    "a voice by its words": "1 note of a voice (track 2)",
    "a voice by its name": "1 note of a voice (track Alto)",
    "key switches": "2 notes outside the piano's keys",
    "programs set by a conductor": "1 note of String Ensemble 1",
    "another file behind": "another MIDI file follows",
    "a track that is missing": "1 of 2 tracks that its header counts",
}
"""What is told of a form; of the others nothing is."""


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_file_is_the_same_music(form: str) -> None:
    assert played(FORMS[form]) == HEARD
    assert pedalled(FORMS[form]) == PEDAL
    assert TOLD.get(form, "") in left_out(FORMS[form])
    assert bool(left_out(FORMS[form])) == (form in TOLD)


RELEASES = [(960, 1, b"\x80\x3c\0"), (1920, 0, b"\x80\x3c\0")]
KEYS = {
    "a hand holds what the other strikes": (
        note(60, 0, 4800) + note(60, 960, 1440, 1), [(0, 1), (1, 5)],
    ),
    "the other hand holds longer": (note(60, 0, 1920) + note(60, 960, 2880, 1), [(0, 1), (1, 3)]),
    "two voices of one channel": (note(60, 0, 4800) + note(60, 960, 1440), [(0, 1), (1, 5)]),
    "a unison": (note(60, 0, 960) + note(60, 0, 1920, 1), [(0, 2)]),
    "no release at a new stroke": (
        [note(60, 0, 1)[0], *note(60, 960, 1920), *note(60, 2880, 3840)], [(0, 1), (1, 2), (3, 4)],
    ),
    "no length": (note(60, 960, 960) + note(60, 2880, 3840), [(1, 1.001), (3, 4)]),
    "no length, released first": (
        [(960, 0, b"\x80\x3c\0"), (960, 2, b"\x90\x3c\x40"), *note(60, 2880, 3840)],
        [(1, 1.001), (3, 4)],
    ),
    "no length, never struck again": (
        [(0, 2, b"\x90\x3c\x40"), (0, 3, b"\x80\x3c\0"), *note(72, 0, 960)], [(0, 0.001)],
    ),
    "released by a stroke of no velocity": (
        [(0, 2, b"\x90\x3c\x40"), (960, 2, b"\x90\x3c\0"), *note(60, 1920, 2880)], [(0, 1), (2, 3)],
    ),
    "a new stroke written before the old release": (
        [(0, 2, b"\x90\x3c\x40"), (960, 0, b"\x90\x3c\x40"), *RELEASES], [(0, 1), (1, 2)],
    ),
    "a keyboard that sends twice": (note(60, 0, 960) + note(60, 3, 962, 1), [(0, 962 / 960)]),
    "redundant releases": (note(60, 0, 960) + [(1000, 0, b"\x80\x3c\0")] * 3, [(0, 1)]),
    "all notes off of another channel": (
        [*note(60, 0, 1920), control(960, 123, 0, 1)], [(0, 2)],
    ),
    "held to the end": ([note(60, 960, 1)[0], *note(72, 0, 2880)], [(1, 3)]),
}  # fmt: skip


@pytest.mark.parametrize("case", KEYS)
def test_a_key_is_up_when_the_last_hand_lets_go(case: str) -> None:
    events, expected = KEYS[case]
    found = [spell[:2] for spell in played(midi(track(events))) if spell[2] == 60]
    assert np.allclose(found, expected, atol=1e-4)


def test_a_pedal_is_as_far_down_as_its_deepest_channel() -> None:
    events = [*TUNE, control(0, 64, 90), control(960, 64, 40, 1), control(1920, 64, 0)]
    events += [control(2880, 64, 0, 1)]
    assert pedalled(midi(track(events))) == [(0.0, 90), (2.0, 40), (3.0, 0)]


def test_a_pedal_that_is_never_used_is_there_all_the_same() -> None:
    events = [*TUNE, control(0, 64, 0), control(0, 64, 0, 1), control(960, 121, 0)]
    assert pedalled(midi(track(events))) == [(0.0, 0)]


REFUSED = {
    "a message cut off": PLAIN[:-6],
    "a file cut off between messages": midi(track(TUNE, end=b""))[:-4],
    "a status where data belong": midi(track([*TUNE, (2900, 0, b"\x90\x80\x40")])),
    "no status": midi(b"\x00\x3c\x40" + END),
    "a message that does not exist": midi(track([*TUNE, (10, 0, b"\xf5")])),
    "a number of five bytes": midi(b"\x80\x80\x80\x80\x00\x90\x3c\x40" + END),
    "a time code of nothing": midi(track(TUNE), division=0xE700),
    "several pieces": midi(track(TUNE), track(TUNE), kind=2),
    "no header": PLAIN[4:],
    "half a header": PLAIN[:12],
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_in_doubt_is_refused_in_a_line(case: str) -> None:
    with pytest.raises(UserError, match=r"^a\.mid cannot be read as MIDI \(.+\); expected") as told:
        read_piano(REFUSED[case], "a.mid")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (midi(track(note(36, 0, 9, 9))), "1 note of drums"),
        (midi(track([program(52), *TUNE, program(40, 1), *note(72, 0, 9, 1)])), "Violin"),
        (midi(track(note(12, 0, 9))), "outside the piano's keys"),
    ],
)
def test_a_file_without_a_piano_says_what_was_left_out(data: bytes, reason: str) -> None:
    with pytest.raises(UserError, match=rf"has no notes for a piano \(.*{reason}.*\); expected"):
        read_piano(data, "a.mid")


@dataclass(frozen=True)
class Music:
    """Notes (pitch, on, off, velocity), pedal movements (tick, value) and tempi (tick, µs)."""

    division: int
    notes: list[tuple[int, int, int, int]]
    pedal: list[tuple[int, int]]
    tempi: dict[int, int]

    def second(self, tick: int) -> float:
        now, before, tempo = 0.0, 0, 500_000
        for at, following in sorted(self.tempi.items()):
            if at >= tick:
                break
            now, before, tempo = now + (at - before) * tempo, at, following
        return (now + (tick - before) * tempo) / self.division / 1e6


@st.composite
def music(draw: Callable[..., int]) -> Music:
    notes = []
    for pitch in draw(st.lists(st.integers(21, 108), min_size=1, max_size=6, unique=True)):
        tick = draw(st.integers(0, 50))
        for gap, length in draw(
            st.lists(st.tuples(st.integers(0, 900), st.integers(1, 2000)), min_size=1, max_size=5)
        ):
            notes.append((pitch, tick + gap, tick + gap + length, draw(st.integers(1, 127))))
            tick += gap + length
    pedal = draw(st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 127)), max_size=8))
    return Music(
        division=draw(st.sampled_from([24, 96, 120, 384, 480, 960, 1000, 10_000, 32_767])),
        notes=notes,
        pedal=sorted(dict(pedal).items()),
        tempi=draw(
            st.dictionaries(st.integers(0, 9000), st.integers(60_000, 4_000_000), max_size=4)
        ),
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    music=music(),
    kind=st.sampled_from([0, 1]),
    running=st.booleans(),
    split=st.integers(21, 109),
    channels=st.tuples(*[st.sampled_from([0, 1, 2, 15])] * 3),
    by_velocity=st.booleans(),
)
@example(
    music=Music(480, [(60, 0, 1, 1), (60, 1, 2, 1)], [(0, 1)], {0: 60_000}),
    kind=1, running=True, split=60, channels=(0, 0, 0), by_velocity=True,
)  # fmt: skip
def test_a_performance_is_read_to_the_tick_from_every_form(
    music: Music, kind: int, running: bool, split: int, channels: tuple[int, ...], by_velocity: bool
) -> None:
    left, right, foot = channels
    hands: dict[bool, list[Event]] = {False: [], True: []}
    for pitch, on, off, velocity in music.notes:
        strike, release = note(pitch, on, off, right if pitch >= split else left, velocity)
        if by_velocity:
            release = (off, 0, bytes((strike[2][0], pitch, 0)))
        hands[pitch >= split] += [strike, release]
    feet = [control(tick, 64, value, foot) for tick, value in music.pedal]
    tempi = [meta(0x51, tempo.to_bytes(3, "big"), tick) for tick, tempo in music.tempi.items()]
    parts = [tempi, hands[False], hands[True], feet]
    tracks = parts if kind else [[event for part in parts for event in part]]
    data = midi(*(track(t, running=running) for t in tracks), division=music.division, kind=kind)
    found = read_piano(data, "x").performance
    wanted = np.array(
        sorted(
            (pitch, music.second(on), music.second(off), velocity)
            for pitch, on, off, velocity in music.notes
        )
    )
    assert len(found.notes) == len(wanted)
    by_key = np.sort(found.notes, order=["pitch", "onset_s"])
    # A tick may be finer than the grid of 50 µs: then the few notes of a key make room.
    finest_s = min(500_000, *music.tempi.values(), 500_000) / music.division / 1e6
    tolerance_s = TICK_S * (1.01 if finest_s >= TICK_S else 8)
    assert np.allclose(by_key["onset_s"], wanted[:, 1], rtol=0, atol=tolerance_s)
    assert np.allclose(by_key["offset_s"], wanted[:, 2], rtol=0, atol=tolerance_s)
    assert np.array_equal(by_key["pitch"], wanted[:, 0])
    assert np.array_equal(by_key["velocity"], wanted[:, 3])
    assert np.array_equal(found.pedal["value"], [value for _, value in music.pedal])
    times = [music.second(tick) for tick, _ in music.pedal]
    assert np.allclose(found.pedal["time_s"], times, rtol=0, atol=TICK_S)


@pytest.mark.parametrize("files", [500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_mutated_files_are_read_or_refused(files: int) -> None:
    rng = random.Random(11)
    sound = list(FORMS.values())
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused = 0
    for _ in range(files):
        broken = bytearray(rng.choice(sound))
        for _ in range(rng.choice([1, 1, 2, 5, 20])):
            place, how = rng.randrange(len(broken)), rng.randrange(4)
            if how == 0:
                broken[place] = rng.randrange(256)
            elif how == 1:
                broken[place] ^= 1 << rng.randrange(8)
            elif how == 2:
                del broken[place : place + rng.randrange(1, 9)]
            else:
                broken[place:place] = rng.randbytes(rng.randrange(1, 9))
            broken = broken or bytearray(b"M")
        try:
            read_piano(bytes(broken), "x")
        except UserError as error:
            refused += "\n" not in str(error)
    assert 0.1 < refused / files < 0.99
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    assert grown_kib < 1 << 20


@pytest.mark.real_data
def test_real_files_are_read_as_by_an_independent_reader(real_data: Path) -> None:
    for path in sorted((real_data / "maestro-v3.0.0").glob("*/*.mid*"))[::320]:
        (theirs,) = pretty_midi.PrettyMIDI(str(path)).instruments
        ours = read_piano(path.read_bytes(), path.name).performance
        starts = sorted((each.start, each.pitch) for each in theirs.notes)
        found = sorted(ours.notes[["onset_s", "pitch"]].tolist())
        assert np.allclose(found, starts, rtol=0, atol=TICK_S)
        pedal = [each.time for each in theirs.control_changes if each.number in PEDAL_CONTROLLERS]
        assert np.allclose(ours.pedal["time_s"], np.sort(pedal), rtol=0, atol=TICK_S)
