from pathlib import Path
from typing import Any

import numpy as np
import pytest

from degradation.notes import NOTE_DTYPE, PEDAL_DTYPE, Performance
from degradation.waveform import Waveform
from models.inference.transcription_cache import TranscribedClip, transcribe_clips
from storage.audio import encode_flac
from storage.midi import read_midi


class StandIn:
    """Finds one note of middle C, or of silence none; counts how often it is asked."""

    def __init__(self, name: str = "stand-in 1") -> None:
        self.name, self.asked = name, 0

    def transcribe(self, waveform: Waveform) -> Performance:
        self.asked += 1
        notes = np.array([(0, 0.25, 0.5, 60, 64)], NOTE_DTYPE)
        sounds = bool(waveform.samples.any())
        return Performance(notes=notes[:sounds], pedal=np.zeros(0, PEDAL_DTYPE), duration_s=1.0)


def flac(level: float) -> bytes:
    return encode_flac(Waveform(samples=np.full(24_000, level, np.float32), sample_rate_hz=24_000))


CLIPS = {"loud": flac(0.5), "soft": flac(0.1), "silent": flac(0.0)}


def transcribed(stand_in: Any, folder: Path, budget_s: float = 60.0) -> list[TranscribedClip]:
    return list(transcribe_clips(CLIPS, stand_in, folder, budget_s))


def test_clips_come_in_order_with_their_notes(tmp_path: Path) -> None:
    found = transcribed(StandIn(), tmp_path)
    assert [clip.sample_id for clip in found] == list(CLIPS)
    assert [clip.sound_s for clip in found] == [1.0, 1.0, 1.0]
    assert all(clip.took_s is not None for clip in found)
    assert read_midi(found[0].midi, "loud").notes["pitch"].tolist() == [60]
    assert found[2].midi == b""


def test_what_was_transcribed_once_is_found_again(tmp_path: Path) -> None:
    stand_in = StandIn()
    first = transcribed(stand_in, tmp_path)
    second = transcribed(stand_in, tmp_path)
    assert stand_in.asked == len(CLIPS)
    assert [clip.midi for clip in second] == [clip.midi for clip in first]
    assert [clip.took_s for clip in second] == [None] * 3


def test_another_release_transcribes_anew(tmp_path: Path) -> None:
    transcribed(StandIn(), tmp_path)
    other = StandIn("stand-in 2")
    transcribed(other, tmp_path)
    assert other.asked == len(CLIPS)


def test_the_budget_ends_the_work_and_the_next_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_s = iter(range(0, 1000, 10))  # every look at it is ten seconds later
    monkeypatch.setattr("time.perf_counter", lambda: next(clock_s))
    stand_in = StandIn()
    assert [clip.sample_id for clip in transcribed(stand_in, tmp_path, 5.0)] == ["loud"]
    assert [clip.sample_id for clip in transcribed(stand_in, tmp_path, 5.0)] == ["loud", "soft"]
    assert stand_in.asked == 2
