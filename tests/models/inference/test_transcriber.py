"""Transcription: Transkun's events as notes, and Transkun itself where the extra is installed."""

import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

import models.inference.transcriber
from degradation.errors import UserError
from degradation.notes import (
    NOTE_DTYPE,
    PEDAL_DTYPE,
    SOFT,
    SUSTAIN,
    TICK_S,
    Performance,
    find_faults,
)
from degradation.recipe import load_recipe
from degradation.render import render
from degradation.waveform import Waveform
from models.evaluation.audits.note_match import match_onsets, pedal_agreement
from models.inference.transcriber import (
    Transcriber,
    can_transcribe,
    load_transcriber,
    to_performance,
)

REPOSITORY = Path(__file__).parents[3]

needs_transkun = pytest.mark.skipif(
    not can_transcribe(),
    reason="Transkun is not installed (pip install -c constraints.txt -e '.[transcription]')",
)


@dataclass
class Event:
    start: float
    end: float
    pitch: int
    velocity: int = 60


def test_events_become_notes_in_order_with_times_from_the_start() -> None:
    played = to_performance([Event(3.5, 4.5, 62, 70), Event(2.5, 3.0, 60)], 2.0, 4.0)
    assert played.notes["pitch"].tolist() == [60, 62]
    assert played.notes["onset_s"].tolist() == [0.5, 1.5]
    assert played.notes["offset_s"].tolist() == [1.0, 2.5]
    assert played.notes["velocity"].tolist() == [60, 70]
    assert played.notes["note_id"].tolist() == [0, 1]
    assert played.duration_s == 4.0


def test_what_lies_outside_is_left_out_or_cut() -> None:
    events = [
        Event(0.2, 0.4, 60),  # over before the start
        Event(0.8, 1.5, 61),
        Event(2.5, 9.0, 62),
        Event(3.0, 3.5, 63),  # struck as the clip ends
    ]
    played = to_performance(events, 1.0, 2.0)
    assert played.notes["pitch"].tolist() == [61, 62]
    assert played.notes["onset_s"].tolist() == [0.0, 1.5]
    assert played.notes["offset_s"].tolist() == [0.5, 2.0]


def test_pedals_are_movements_and_stay_down_at_the_end() -> None:
    events = [
        Event(1.0, 2.0, -SUSTAIN, 3),
        Event(2.0, 9.0, -SUSTAIN, 3),
        Event(0.5, 1.5, -SOFT, 3),
    ]
    pedal = to_performance(events, 0.0, 4.0).pedal
    assert pedal.tolist() == [
        (0.5, SOFT, 127),
        (1.0, SUSTAIN, 127),
        (1.5, SOFT, 0),
        (2.0, SUSTAIN, 0),
        (2.0, SUSTAIN, 127),
    ]


@pytest.mark.parametrize("seed", range(10))
def test_any_events_make_a_sound_performance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    events = [
        Event(start, start + length, int(pitch), int(velocity))
        for start, length, pitch, velocity in zip(
            rng.uniform(-1, 6, 200),
            rng.exponential(0.3, 200) * rng.integers(0, 2, 200) + 1e-8,
            rng.choice([-SUSTAIN, -SOFT, *range(21, 30)], 200),
            rng.integers(0, 128, 200),
            strict=True,
        )
    ]
    played = to_performance(events, 0.5, 5.0)
    assert find_faults(played.notes, played.pedal, played.duration_s) == []
    inside = [e for e in events if e.pitch > 0 and e.start < 5.5 and e.end > 0.5]
    assert len(played.notes) == len(inside), "a note was lost"


def test_no_events_are_a_performance_without_notes() -> None:
    silence = to_performance([], 0.0, 3.0)
    assert (len(silence.notes), len(silence.pedal), silence.duration_s) == (0, 0, 3.0)


class Listener(torch.nn.Module):
    """Stands for Transkun: hears the loudest moment as one note, and remembers how it was asked."""

    fs, segmentSizeInSecond, segmentHopSizeInSecond = 44_100, 16, 8  # noqa: N815

    def transcribe(
        self,
        x: torch.Tensor,
        stepInSecond: float,  # noqa: N803
        segmentSizeInSecond: float,  # noqa: N803
    ) -> list[Event]:
        self.asked = (tuple(x.shape), stepInSecond, segmentSizeInSecond)
        self.threads = torch.get_num_threads()
        loudest_s = int(x.abs().argmax()) / self.fs
        warnings.warn("an old part of torch", UserWarning, stacklevel=1)
        print("!!!!")
        return [Event(loudest_s, loudest_s + 0.5, 60)]


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def stand_in(listener: Listener) -> Transcriber:
    return Transcriber(name="stand-in 1", model=listener, device=torch.device("cpu"), threads=1)


def click(at_s: float, duration_s: float, rate_hz: int) -> Waveform:
    samples = np.zeros(round(duration_s * rate_hz), np.float32)
    samples[round(at_s * rate_hz)] = 0.5
    return Waveform(samples=samples, sample_rate_hz=rate_hz)


@pytest.mark.parametrize("rate_hz", [16_000, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("duration_s", [2.0, 15.5, 40.0])
def test_times_are_those_of_the_clip_at_any_rate_and_length(
    stand_in: Transcriber, rate_hz: int, duration_s: float
) -> None:
    played = stand_in.transcribe(click(1.25, duration_s, rate_hz))
    assert played.notes["onset_s"] == pytest.approx([1.25], abs=2e-4)
    assert played.duration_s == duration_s


def test_a_clip_that_fits_is_heard_once_and_a_long_one_in_overlapping_stretches(
    stand_in: Transcriber, listener: Listener
) -> None:
    stand_in.transcribe(click(1, 15.5, 44_100))
    assert listener.asked == ((16 * 44_100, 1), 16, 16)
    stand_in.transcribe(click(1, 15.6, 44_100))
    assert listener.asked == ((round(15.6 * 44_100), 1), 8, 16)


def test_it_keeps_to_its_threads_and_says_nothing(
    stand_in: Transcriber, listener: Listener, capsys: pytest.CaptureFixture[str]
) -> None:
    before = torch.get_num_threads()
    with warnings.catch_warnings(record=True) as said:
        stand_in.transcribe(click(1, 2, 44_100))
    assert (listener.threads, torch.get_num_threads()) == (1, before)
    assert not said
    assert capsys.readouterr() == ("", "")


def test_empty_audio_is_refused(stand_in: Transcriber) -> None:
    empty = Waveform(samples=np.zeros(0, np.float32), sample_rate_hz=24_000)
    with pytest.raises(UserError, match="the audio is empty"):
        stand_in.transcribe(empty)


def test_a_missing_extra_is_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    load_transcriber.cache_clear()
    monkeypatch.setitem(sys.modules, "transkun", None)
    monkeypatch.setitem(sys.modules, "transkun.ModelTransformer", None)
    with pytest.raises(UserError) as told:
        load_transcriber(1)
    assert "pip install -c constraints.txt -e '.[transcription]'" in str(told.value)
    assert "\n" not in str(told.value)


@pytest.fixture(scope="module")
def transcriber() -> Transcriber:
    load_transcriber.cache_clear()
    return load_transcriber(1)


@pytest.fixture(scope="module")
def pedalled_piece() -> Performance:
    """Six seconds of broken chords from the first moment on, with the pedal down in between."""
    time_s = np.arange(0, 6, 0.2)
    notes = np.zeros(len(time_s), NOTE_DTYPE)
    notes["note_id"] = np.arange(len(time_s))
    notes["onset_s"], notes["offset_s"] = time_s, time_s + 0.18
    notes["pitch"] = np.array([48, 55, 60, 64, 67, 72])[np.arange(len(time_s)) % 6]
    notes["velocity"] = 50 + 5 * (np.arange(len(time_s)) % 7)
    pedal = np.array([(2.05, SUSTAIN, 127), (4.0, SUSTAIN, 0)], PEDAL_DTYPE)
    return Performance(notes=notes, pedal=pedal, duration_s=6.0)


@needs_transkun
def test_a_rendered_passage_is_found_again(
    transcriber: Transcriber, pedalled_piece: Performance
) -> None:
    instrument = load_recipe(REPOSITORY / "configs" / "recipes" / "phase2.yaml").instrument
    found = transcriber.transcribe(render(pedalled_piece, instrument))
    match = match_onsets(pedalled_piece.notes, found.notes)
    assert match.f1 >= 0.9
    assert pedal_agreement(pedalled_piece, found) >= 0.8
    assert found.notes["onset_s"][0] < 0.05, "the first note was missed"
    assert found.duration_s == 6.0
    louder = Waveform(
        samples=render(pedalled_piece, instrument).samples * np.float32(0.25),
        sample_rate_hz=instrument.sample_rate_hz,
    )
    again = transcriber.transcribe(louder)
    assert match_onsets(found.notes, again.notes).f1 >= 0.95, "the level matters"


@needs_transkun
def test_silence_has_no_notes_and_a_blink_is_no_error(transcriber: Transcriber) -> None:
    silence = Waveform(samples=np.zeros(24_000, np.float32), sample_rate_hz=24_000)
    assert not len(transcriber.transcribe(silence).notes)
    blink = Waveform(samples=np.full(1, 0.1, np.float32), sample_rate_hz=24_000)
    assert transcriber.transcribe(blink).duration_s == pytest.approx(1 / 24_000, abs=TICK_S)


@needs_transkun
def test_a_wheel_without_its_weights_is_told_in_one_line(
    transcriber: Transcriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert transcriber.name.startswith("transkun ")
    load_transcriber.cache_clear()
    monkeypatch.setattr(models.inference.transcriber, "WEIGHTS", "none.pt")
    with pytest.raises(UserError, match=r"cannot be loaded .*none\.pt"):
        load_transcriber(1)
