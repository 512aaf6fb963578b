"""Sound to notes and pedal by Transkun: what was played, where only a recording is left.

Transkun (Yan & Duan 2024, "Scoring Time Intervals Using Non-Hierarchical Transformer for
Automatic Piano Transcription", arXiv:2404.09466; MIT) finds each note and pedal as an interval,
with a velocity. It is an optional extra: nothing imports it before a transcriber is loaded. Its
weights lie in its wheel, so that nothing is fetched.
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
"""The way out where Transkun is missing, in the project's folder: it is in no index."""

WEIGHTS, SETTINGS = "2.0.pt", "2.0.conf"
"""Files of Transkun's wheel; this is its second model, the one whose notes end with the key."""

LEAD_S = 0.5
"""Silence before a clip that is heard once: without it a note that begins the clip is missed."""

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
        """The rate that it hears at; sound at another one is resampled."""
        return int(self.model.fs)

    def transcribe(self, waveform: Waveform) -> Performance:
        """Return the notes and the sustain and soft pedal of a recording of a piano.

        Transkun hears stretches of 16 s. It takes a long recording in stretches that overlap by
        half; a clip that fits into one is heard once, which is four times faster and no worse. Its
        own level doesn't matter: each stretch is normalised. Deterministic on a CPU.

        Raises UserError when there are no samples.
        """
        if not len(waveform.samples):
            raise UserError("the audio is empty; expected at least one sample: record it again")
        rate_hz = self.sample_rate_hz
        samples = soxr.resample(waveform.samples, waveform.sample_rate_hz, rate_hz, quality="VHQ")
        stretch_s = self.model.segmentSizeInSecond
        lead = round(LEAD_S * rate_hz)
        fits = len(samples) + lead <= stretch_s * rate_hz
        heard = np.concatenate([np.zeros(lead, np.float32), samples]) if fits else samples
        with torch_threads(self.threads), torch.inference_mode(), _quietly():
            intervals = self.model.transcribe(
                torch.from_numpy(heard).to(self.device)[:, None],
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
    found = [each for each in intervals if each.start < end_s and each.end > start_s]
    struck = [each for each in found if each.pitch in PIANO_PITCHES]
    notes = np.zeros(len(struck), NOTE_DTYPE)
    latest_onset_s = latest_onset(duration_s)
    for name, values in (
        ("onset_s", [e.start for e in struck]),
        ("offset_s", [e.end for e in struck]),
    ):
        notes[name] = snap(np.clip(np.array(values, np.float64) - start_s, 0.0, duration_s))
    notes["onset_s"] = np.minimum(notes["onset_s"], latest_onset_s)
    notes["pitch"] = [each.pitch for each in struck]
    notes["velocity"] = np.clip([each.velocity for each in struck], 1, 127)
    notes["note_id"] = np.arange(len(notes))
    notes = release_before_restrike(sort_notes(notes), latest_onset_s)
    notes["note_id"] = np.arange(len(notes))
    return Performance(
        notes=notes,
        pedal=_pedal([each for each in found if each.pitch < 0], start_s, duration_s),
        duration_s=duration_s,
    )


def _pedal(pressed: Iterable[Interval], start_s: float, duration_s: float) -> PedalArray:
    movements = []
    for each in sorted(pressed, key=lambda each: each.start):
        movements.append((max(each.start - start_s, 0.0), -each.pitch, PEDAL_DOWN))
        if each.end - start_s < duration_s:
            movements.append((max(each.end - start_s, 0.0), -each.pitch, 0))
    pedal = np.array(movements, PEDAL_DTYPE)
    pedal["time_s"] = np.minimum(snap(pedal["time_s"]), duration_s)
    return sort_pedal(pedal)


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep what Transkun prints off standard output, and its use of old parts of torch unsaid."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def can_transcribe() -> bool:
    """Return whether the extra is installed, without importing it."""
    return importlib.util.find_spec("transkun") is not None


@functools.lru_cache(maxsize=1)
def load_transcriber(threads: int) -> Transcriber:
    """Return Transkun, on the GPU if there is one, else with so many CPU threads; loaded once.

    Raises UserError where the extra is not installed, or is another release than is known here.
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
