import contextlib
import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from degradation.errors import UserError
from degradation.seeds import stream
from storage.audio import read_audio_window
from storage.recordings import audio_duration_s, open_recording, read_mono

RATE_HZ = 24_000
SECONDS = 3
NOISE = stream(5, "noise").uniform(-0.5, 0.5, (SECONDS * RATE_HZ, 2)).astype(np.float32)
TAG = b"LIST" + struct.pack("<I", 1000) + b"INFO" + b"x" * 996


def encode(samples: np.ndarray, form: str, subtype: str | None = None) -> bytes:
    written = io.BytesIO()
    soundfile.write(written, samples, RATE_HZ, format=form, subtype=subtype)
    return written.getvalue()


def decode(data: bytes) -> np.ndarray:
    return soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)[0].mean(axis=1)


def heard(path: Path) -> np.ndarray:
    recording = open_recording(path)
    assert audio_duration_s(path) == recording.duration_s
    return read_mono(recording, 0, recording.frames)


def with_length(data: bytes, name: bytes, field: int, order: str, length: int) -> bytes:
    at = data.index(name) + field
    return data[:at] + struct.pack(f"{order}I", length) + data[at + 4 :]


@pytest.mark.parametrize("length", [0, 1000, 99_999, 0x7FFFF000, 0x80000000, 0xFFFFFFFF, 4_000_000])
@pytest.mark.parametrize("tag", [b"", TAG], ids=["bare", "tagged"])
def test_the_data_that_is_there_counts(tmp_path: Path, length: int, tag: bytes) -> None:
    wav = encode(NOISE, "WAV", "PCM_16")
    cases = {
        "a.wav": with_length(wav, b"data", 4, "<", length) + tag,
        "a.aiff": with_length(encode(NOISE, "AIFF", "PCM_16"), b"SSND", 4, ">", length),
        "a.au": with_length(encode(NOISE, "AU", "PCM_16"), b".snd", 8, ">", length),
    }
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
        assert np.array_equal(heard(tmp_path / name), decode(wav)), name
    told = open_recording(tmp_path / "a.wav").left_out
    assert bool(told) == (length in {1000, 99_999, 4_000_000})


@pytest.mark.parametrize("frames", [0, 5000, 10**6])
def test_a_flac_is_read_to_its_end_whatever_it_counts(tmp_path: Path, frames: int) -> None:
    flac = encode(NOISE, "FLAC", "PCM_16")
    (tmp_path / "a.flac").write_bytes(flac[:22] + struct.pack(">I", frames) + flac[26:])
    assert np.array_equal(heard(tmp_path / "a.flac"), decode(flac))


@pytest.mark.parametrize("form", ["WAV", "AIFF", "AU", "W64", "RF64", "FLAC", "OGG", "MP3"])
def test_joined_files_are_one(tmp_path: Path, form: str) -> None:
    first, second = encode(NOISE, form), encode(NOISE[::-1], form)
    (tmp_path / "a.wav").write_bytes(first + second)  # a name may lie
    expected = np.concatenate([decode(first), decode(second)])
    # MP3 rounds otherwise where it is read in blocks.
    assert np.allclose(heard(tmp_path / "a.wav"), expected, rtol=0, atol=1e-6)
    assert "2 recordings joined" in open_recording(tmp_path / "a.wav").left_out[0]


@pytest.mark.parametrize("form", ["FLAC", "OGG", "MP3"])
def test_windows_are_those_of_the_whole_in_any_order(tmp_path: Path, form: str) -> None:
    data = encode(NOISE, form)
    (tmp_path / "a").write_bytes(data)
    whole, recording = decode(data), open_recording(tmp_path / "a")
    for first in (0, 12_000, 24_000, 20_000, 50_000, 7):
        found = read_mono(recording, first, 20_000)
        assert np.allclose(found, whole[first : first + 20_000], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("samples", "expected", "told"),
    [
        (NOISE * 32767, NOISE.mean(axis=1), "brought down"),
        (NOISE * [1, 0], NOISE[:, 0], "the right channel is silent"),
        (NOISE * [1e-3, 1], NOISE[:, 1], "the left channel is silent"),
        (NOISE[:, :1] * [1, -1], NOISE[:, 0], "opposite polarity"),
        (NOISE[:, :1] * [1, 1], NOISE[:, 0], ""),
        (NOISE, NOISE.mean(axis=1), ""),
        (NOISE[:, [0, 1, 0, 0, 0, 0]] * [1, 1, 0, 0, 0, 0], NOISE.mean(axis=1), ""),
        (NOISE[:, :1] * [1, 1, 1, 0, 1, 1], NOISE[:, 0], ""),
        (NOISE[:, :1] * [1, 1, 1, 1, 1, 1], NOISE[:, 0], "effects channel was left out"),
    ],
)
def test_channels_and_level_are_chosen_on_the_whole(
    tmp_path: Path, samples: np.ndarray, expected: np.ndarray, told: str
) -> None:
    (tmp_path / "a.wav").write_bytes(encode(samples, "WAV", "FLOAT"))
    assert np.allclose(heard(tmp_path / "a.wav"), expected, atol=1e-6)
    remarks = open_recording(tmp_path / "a.wav").left_out
    assert any(told in remark for remark in remarks) if told else remarks == ()


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG", "MP3", "AIFF", "AU", "W64"])
def test_whatever_the_bytes_it_is_sound_or_one_line(tmp_path: Path, form: str) -> None:
    whole, draw = encode(NOISE[:8000], form), stream(6, form)
    for number in range(60):
        data = bytearray(whole[: int(draw.integers(1, len(whole)))] if number % 2 else whole)
        for at in draw.integers(0, min(len(data), 200), size=4):
            data[at] = int(draw.integers(256))
        path = tmp_path / str(number)
        path.write_bytes(data)
        with contextlib.suppress(UserError):
            assert open_recording(path).duration_s < 60
            read_audio_window(path, 0.0, 0.1, RATE_HZ)
