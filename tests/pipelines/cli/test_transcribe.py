"""The command `transcribe`, with a transcriber that stands in."""

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

import models.inference.transcriber
from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, SUSTAIN, Performance
from degradation.waveform import Waveform
from pipelines.cli import app
from pipelines.cli.transcribe import SUFFIX
from storage.midi import read_midi

MUSIC = Performance(
    notes=np.array([(0, 0.25, 0.5, 60, 64), (1, 0.5, 1.0, 64, 70)], NOTE_DTYPE),
    pedal=np.array([(0.3, SUSTAIN, 127), (0.9, SUSTAIN, 0)], PEDAL_DTYPE),
    duration_s=2.0,
)


class StandIn:
    sample_rate_hz = 44_100

    def transcribe(self, waveform: Waveform) -> Performance:
        if waveform.samples.any():
            return MUSIC
        return Performance(notes=MUSIC.notes[:0], pedal=MUSIC.pedal[:0], duration_s=2.0)


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.inference.transcriber, "load_transcriber", lambda threads: StandIn())


def wav(path: Path, level: float = 0.1, duration_s: float = 2.0) -> Path:
    soundfile.write(path, np.full(round(8000 * duration_s), level, np.float32), 8000)
    return path


def test_recordings_become_midi_files_of_their_names(tmp_path: Path) -> None:
    takes = [wav(tmp_path / "one.wav"), wav(tmp_path / "two.flac")]
    out = tmp_path / "new" / "folder"
    answer = CliRunner().invoke(app, ["transcribe", *map(str, takes), "--out", str(out)])
    assert answer.exit_code == 0, answer.output
    written = [out / f"one{SUFFIX}", out / f"two{SUFFIX}"]
    assert answer.stdout.split() == list(map(str, written))
    for path in written:
        found = read_midi(path.read_bytes(), path.name)
        assert found.notes.tolist() == MUSIC.notes.tolist()
        assert found.pedal.tolist() == MUSIC.pedal.tolist()


def test_what_cannot_be_transcribed_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    files = [
        wav(tmp_path / "silent.wav", level=0),
        tmp_path / "missing.wav",
        wav(tmp_path / "long.wav", duration_s=501),
        wav(tmp_path / "endless.flac", duration_s=3700),
        wav(tmp_path / "good.wav"),
    ]
    out = tmp_path / "out"
    answer = CliRunner().invoke(app, ["transcribe", *map(str, files), "--out", str(out)])
    assert answer.exit_code == 2
    assert answer.stdout.split() == [str(out / f"good{SUFFIX}")]
    lines = answer.stderr.splitlines()
    told = (
        "silent.wav has no notes",
        "missing.wav cannot be read",
        "long.wav lasts 501 s",
        "3700 s",
    )
    assert len(lines) == len(told)
    for line, words in zip(lines, told, strict=True):
        assert line.startswith("pianograde: ")
        assert words in line


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    take = wav(tmp_path / "take.wav")
    answer = CliRunner().invoke(app, ["transcribe", str(take), "--out", str(take / "folder")])
    assert answer.exit_code == 2
    assert "cannot be written" in answer.stderr


def test_without_the_extra_the_way_out_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    models.inference.transcriber.load_transcriber.cache_clear()
    monkeypatch.setitem(sys.modules, "transkun", None)
    monkeypatch.setitem(sys.modules, "transkun.ModelTransformer", None)
    take = wav(tmp_path / "take.wav")
    answer = CliRunner().invoke(app, ["transcribe", str(take), "--out", str(tmp_path)])
    assert answer.exit_code == 2
    assert "pip install -c constraints.txt -e '.[transcription]'" in answer.stderr
