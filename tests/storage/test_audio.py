import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from degradation.errors import UserError
from degradation.seeds import stream
from degradation.waveform import Waveform, level_dbfs
from storage.audio import (
    audio_facts,
    decode_audio,
    encode_flac,
    read_audio_window,
)
from storage.recordings import audio_duration_s

RATE_HZ = 24_000


def tone(frequency_hz: float, rate_hz: int, duration_s: float) -> np.ndarray:
    times_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    return (0.25 * np.sin(2 * np.pi * frequency_hz * times_s)).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate_hz: int = RATE_HZ) -> Path:
    soundfile.write(path, samples, rate_hz, subtype="FLOAT")
    return path


def test_flac_keeps_every_sample_to_16_bits() -> None:
    samples = stream(1, "noise").uniform(-0.999, 0.999, 50_000).astype(np.float32)
    flac = encode_flac(Waveform(samples=samples, sample_rate_hz=RATE_HZ))
    decoded = decode_audio(flac, "x.flac")
    assert decoded.sample_rate_hz == RATE_HZ
    assert np.abs(decoded.samples - samples).max() <= 1 / 2**15
    assert encode_flac(decoded) == flac
    of_floats = io.BytesIO()
    soundfile.write(of_floats, samples, RATE_HZ, format="FLAC", subtype="PCM_16")
    assert of_floats.getvalue() == flac


@pytest.mark.parametrize(("subtype", "bits"), [("PCM_16", 16), ("PCM_24", 24), ("FLOAT", 0)])
def test_the_facts_of_a_file_are_those_of_its_header(subtype: str, bits: int) -> None:
    written = io.BytesIO()
    soundfile.write(written, np.zeros((4410, 2)), 44_100, format="WAV", subtype=subtype)
    assert audio_facts(written.getvalue(), "x.wav") == {
        "sample_rate_hz": 44_100, "bit_depth": bits, "channels": 2, "duration_s": 0.1,
    }  # fmt: skip
    with pytest.raises(UserError, match=r"x\.wav cannot be read as audio"):
        audio_facts(b"no audio", "x.wav")


def test_what_would_clip_is_refused() -> None:
    with pytest.raises(ValueError, match=r"peak below 1, got 1.000"):
        encode_flac(Waveform(samples=np.ones(9, dtype=np.float32), sample_rate_hz=RATE_HZ))


def test_stereo_becomes_the_mean_of_its_channels() -> None:
    both = np.column_stack([np.full(100, 0.5), np.full(100, -0.25)]).astype(np.float32)
    written = io.BytesIO()
    soundfile.write(written, both, RATE_HZ, format="WAV", subtype="FLOAT")
    assert np.allclose(decode_audio(written.getvalue(), "x").samples, 0.125)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000, 96_000])
def test_resampling_keeps_pitch_level_and_moment(tmp_path: Path, rate_hz: int) -> None:
    path = write(tmp_path / "tone.wav", tone(1000, rate_hz, 4.0), rate_hz)
    found = read_audio_window(path, 1.5, 2.0, RATE_HZ)
    expected = tone(1000, RATE_HZ, 4.0)[round(1.5 * RATE_HZ) : round(3.5 * RATE_HZ)]
    # A shift of one sample would leave a difference of a quarter of the tone.
    assert np.abs(found.samples - expected).max() < 1e-4
    assert level_dbfs(found.samples) == pytest.approx(level_dbfs(expected), abs=0.001)


@pytest.mark.parametrize("start_s", [0.0, 0.02, 1.0, 3.25])
def test_a_window_holds_the_samples_from_its_start(tmp_path: Path, start_s: float) -> None:
    samples = stream(2, "noise").uniform(-0.5, 0.5, 5 * RATE_HZ).astype(np.float32)
    found = read_audio_window(write(tmp_path / "a.wav", samples), start_s, 1.0, RATE_HZ)
    first = round(start_s * RATE_HZ)
    assert np.array_equal(found.samples, samples[first : first + RATE_HZ])


def test_windows_meet_without_a_seam(tmp_path: Path) -> None:
    rate_hz = 44_100
    samples = stream(3, "noise").uniform(-0.5, 0.5, 4 * rate_hz).astype(np.float32)
    path = write(tmp_path / "a.wav", samples, rate_hz)
    whole = read_audio_window(path, 1.0, 2.0, RATE_HZ).samples
    halves = [read_audio_window(path, start_s, 1.0, RATE_HZ).samples for start_s in (1.0, 2.0)]
    assert np.abs(np.concatenate(halves) - whole).max() < 1e-3


def test_a_recording_that_ends_before_its_window_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "short.wav", tone(440, RATE_HZ, 3.0))
    read_audio_window(path, 2.0, 1.005, RATE_HZ)  # rounding of a length is no fault
    with pytest.raises(UserError, match=r"^short.wav ends at 3.00 s; expected audio up to 3.50 s"):
        read_audio_window(path, 2.5, 1.0, RATE_HZ)
    with pytest.raises(UserError, match=r"ends at 3.00 s; expected audio up to 10.00 s"):
        read_audio_window(path, 9.0, 1.0, RATE_HZ)


def test_the_length_is_read_from_the_header(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(440, 44_100, 1.25), 44_100)
    assert audio_duration_s(path) == pytest.approx(1.25)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_told(tmp_path: Path, bad: float) -> None:
    samples = tone(440, RATE_HZ, 1.0)
    samples[500:503] = bad
    path = write(tmp_path / "nan.wav", samples)
    with pytest.raises(UserError, match=r"^nan.wav: .* 3 samples that are NaN or infinite"):
        read_audio_window(path, 0.0, 1.0, RATE_HZ)
    with pytest.raises(UserError, match=r"nan.wav"):
        decode_audio(path.read_bytes(), "nan.wav")


def test_more_channels_than_eight_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "wide.wav", np.zeros((100, 9), dtype=np.float32))
    for read in (
        lambda: audio_duration_s(path),
        lambda: read_audio_window(path, 0.0, 0.001, RATE_HZ),
        lambda: decode_audio(path.read_bytes(), "wide.wav"),
    ):
        with pytest.raises(UserError, match=r"^wide.wav has 9 channels; expected 1 to 8"):
            read()


@pytest.mark.parametrize("name", ["a.wav", "a.raw", "a.flac"])
@pytest.mark.parametrize("content", [b"", b"no audio at all\n" * 99], ids=["empty", "text"])
def test_a_file_that_is_no_audio_is_told_in_one_line(
    tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    for read in (lambda: audio_duration_s(path), lambda: read_audio_window(path, 0, 1, RATE_HZ)):
        with pytest.raises(UserError, match=rf"^{name} cannot be read as audio") as told:
            read()
        assert "\n" not in str(told.value)


def test_a_recording_that_breaks_off_is_told(tmp_path: Path) -> None:
    samples = stream(4, "noise").uniform(-0.5, 0.5, 4 * RATE_HZ).astype(np.float32)
    flac = encode_flac(Waveform(samples=samples, sample_rate_hz=RATE_HZ))
    path = tmp_path / "cut.flac"
    path.write_bytes(flac[: len(flac) // 2])
    with pytest.raises(UserError, match=r"cut.flac"):
        read_audio_window(path, 2.5, 1.0, RATE_HZ)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^gone.wav cannot be read as audio"):
        audio_duration_s(tmp_path / "gone.wav")
