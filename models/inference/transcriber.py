"""Recordings to notes and pedal, by Transkun.

Transkun (Yan & Duan 2024, "Scoring Time Intervals Using Non-Hierarchical Transformer for
Automatic Piano Transcription", arXiv:2404.09466; MIT) finds each note and pedal as an interval
with a velocity. It is an optional extra, imported when a transcriber is loaded; its weights are in
its wheel.
"""

import functools
import importlib
import importlib.util
import io
import json
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from typing import Any, Protocol

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from degradation.errors import UserError
from degradation.notes import (
    NOTE_DTYPE,
    PEDAL_DTYPE,
    PIANO_PITCHES,
    TICK_S,
    PedalArray,
    Performance,
    latest_onset,
    release_before_restrike,
    snap,
    sort_notes,
    sort_pedal,
)
from degradation.waveform import Waveform
from models.device import accelerator, torch_threads

EXTRA = "pip install -c constraints.txt -e '.[transcription]'"
"""How to install Transkun, in the project's folder."""

WEIGHTS, SETTINGS = "2.0.pt", "2.0.conf"
"""Files of the wheel: its second model, whose notes end when the key is released."""

LEAD_S = 0.5
"""Silence before a clip transcribed in one stretch: without it, its first note is missed."""

PEDAL_DOWN = 127
"""Transkun's pedal is a switch."""


class Interval(Protocol):
    """One of Transkun's events: a note's pitch, or a pedal as minus its controller number."""

    start: float
    end: float
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transcriber:
    """Transkun in evaluation mode, on its device; `name` is its version."""

    name: str
    model: Any
    device: torch.device
    threads: int

    @property
    def sample_rate_hz(self) -> int:
        """The rate of its input; sound at another rate is resampled."""
        return int(self.model.fs)

    def transcribe(self, waveform: Waveform) -> Performance:
        """Return the notes and the sustain and soft pedal of a recording of a piano.

        Transkun reads stretches of 16 s, which overlap by half; a clip that fits into one is read
        once, which is four times faster and no worse. Each stretch is normalised, so that the
        level doesn't matter. Deterministic on a CPU.

        Raises UserError when there are no samples.
        """
        if not len(waveform.samples):
            raise UserError("the audio is empty; expected at least one sample: record it again")
        rate_hz = self.sample_rate_hz
        samples = soxr.resample(waveform.samples, waveform.sample_rate_hz, rate_hz, quality="VHQ")
        stretch_s = self.model.segmentSizeInSecond
        lead = round(LEAD_S * rate_hz)
        fits = len(samples) + lead <= stretch_s * rate_hz
        if fits:
            samples = np.concatenate([np.zeros(lead, np.float32), samples])
        with torch_threads(self.threads), torch.inference_mode(), _quietly():
            intervals = self.model.transcribe(
                torch.from_numpy(samples).to(self.device)[:, None],
                stepInSecond=stretch_s if fits else self.model.segmentHopSizeInSecond,
                segmentSizeInSecond=stretch_s,
            )
        return to_performance(intervals, LEAD_S if fits else 0.0, waveform.duration_s)


def to_performance(intervals: Iterable[Interval], start_s: float, duration_s: float) -> Performance:
    """Return Transkun's events as a performance of `duration_s` that begins at their `start_s`.

    Events that lie outside are left out. What begins or ends outside is cut there; a pedal that is
    down at the end stays down, as in a window of a performance. Notes that share a key don't
    overlap.
    """
    duration_s = max(snap(duration_s), TICK_S)
    end_s = start_s + duration_s
    inside = [event for event in intervals if event.start < end_s and event.end > start_s]
    struck = [event for event in inside if event.pitch in PIANO_PITCHES]

    def within(times_s: list[float]) -> NDArray[np.float64]:
        return snap(np.clip(np.array(times_s, np.float64) - start_s, 0.0, duration_s))

    latest_onset_s = latest_onset(duration_s)
    notes = np.zeros(len(struck), NOTE_DTYPE)
    notes["onset_s"] = np.minimum(within([event.start for event in struck]), latest_onset_s)
    notes["offset_s"] = within([event.end for event in struck])
    notes["pitch"] = [event.pitch for event in struck]
    notes["velocity"] = np.clip([event.velocity for event in struck], 1, 127)
    notes["note_id"] = np.arange(len(notes))
    notes = release_before_restrike(sort_notes(notes), latest_onset_s)
    notes["note_id"] = np.arange(len(notes))
    pressed = [event for event in inside if event.pitch < 0]
    return Performance(
        notes=notes, pedal=_pedal(pressed, start_s, duration_s), duration_s=duration_s
    )


def _pedal(pressed: Iterable[Interval], start_s: float, duration_s: float) -> PedalArray:
    movements = []
    for event in sorted(pressed, key=lambda event: event.start):
        movements.append((max(event.start - start_s, 0.0), -event.pitch, PEDAL_DOWN))
        if event.end - start_s < duration_s:
            movements.append((max(event.end - start_s, 0.0), -event.pitch, 0))
    pedal = np.array(movements, PEDAL_DTYPE)
    pedal["time_s"] = np.minimum(snap(pedal["time_s"]), duration_s)
    return sort_pedal(pedal)


@contextmanager
def _quietly() -> Iterator[None]:
    """Silence what Transkun prints, and torch's warnings of deprecated parts that it uses."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def can_transcribe() -> bool:
    """Return whether the extra is installed, without importing it."""
    return importlib.util.find_spec("transkun") is not None


@functools.lru_cache(maxsize=1)
def load_transcriber(threads: int) -> Transcriber:
    """Return Transkun, on the GPU if there is one, else with `threads` of the CPU; loaded once.

    Raises UserError where the extra is not installed, or is of another release.
    """
    with _quietly():
        try:
            transkun = importlib.import_module("transkun.ModelTransformer").TransKun
        except ImportError as error:
            raise UserError(
                f"transcription needs Transkun ({error}); expected the extra: {EXTRA}"
            ) from error
        wheel = files("transkun") / "pretrained"
        release = f"transkun {version('transkun')}"
        try:
            settings = json.loads((wheel / SETTINGS).read_text(encoding="utf-8"))
            with (wheel / WEIGHTS).open("rb") as file:
                weights = torch.load(file, map_location="cpu", weights_only=True)
            config = transkun.Config()
            vars(config).update(settings["Model"]["config"])
            # Its layers draw their first weights, which the file's then replace.
            with torch.random.fork_rng(devices=[]):
                model = transkun(conf=config)
            model.load_state_dict(weights["state_dict"])
        except (OSError, KeyError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(
                f"{release} cannot be loaded ({reason}); expected its model {WEIGHTS}: {EXTRA}"
            ) from error
    device = torch.device(accelerator())
    return Transcriber(name=release, model=model.eval().to(device), device=device, threads=threads)
