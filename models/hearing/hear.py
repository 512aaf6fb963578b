"""Sound to the notes and the pedal that a trained detector hears in it."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from degradation.notes import (
    NOTE_DTYPE,
    PEDAL_DTYPE,
    PIANO_PITCHES,
    SUSTAIN,
    TICK_S,
    Performance,
    latest_onset,
    next_strike,
    snap,
    sort_notes,
)
from degradation.waveform import Waveform
from models.hearing.detector import NoteDetector
from models.hearing.spectrum import FRAME_RATE_HZ, at_rate, frame_count, pitch_spectrum
from models.hearing.targets import FULL

IS_ONSET = 0.4
IS_SOUNDING = 0.5

PEDAL_STEPS = 8
"""Depths of the pedal that are told apart: finer ones would be noise, and thousands of events."""

Shares = NDArray[np.float32]


def hear(clips: Sequence[Waveform], detector: NoteDetector) -> list[Performance]:
    """Return the notes and the sustain pedal that are heard in each clip.

    Soft and sostenuto pedal are not heard. `detector` is in evaluation mode.
    """
    heard = []
    device = detector.key.device
    for clip in clips:
        duration_s = len(clip.samples) / clip.sample_rate_hz
        with torch.inference_mode():
            found = detector(pitch_spectrum(at_rate(clip).to(device)[None]))
        shares = (
            torch.sigmoid(tensor[0, ..., : frame_count(duration_s)]).float().cpu().numpy()
            for tensor in (found.onset, found.sounding, found.velocity, found.pedal)
        )
        heard.append(decode(*shares, duration_s=duration_s))
    return heard


def decode(
    onset: Shares, sounding: Shares, velocity: Shares, pedal: Shares, *, duration_s: float
) -> Performance:
    """Return the performance that a detector's shares (88, T) and pedal (T,) tell of.

    A note begins where `onset` has a peak above `IS_ONSET`, between frames by the heights beside
    the peak (Kong et al. 2021, equation 9), and ends where `sounding` falls to `IS_SOUNDING`.
    """
    beside = np.pad(onset, ((0, 0), (1, 1)))
    before, after = beside[:, :-2], beside[:, 2:]
    key, frame = np.nonzero((onset > IS_ONSET) & (onset >= before) & (onset > after))
    # A triangle that the edge cuts in half is as high on the other side.
    mirrored = np.pad(onset, ((0, 0), (1, 1)), mode="reflect" if onset.shape[1] > 1 else "edge")
    peak, before, after = (
        heights[key, frame] for heights in (onset, mirrored[:, :-2], mirrored[:, 2:])
    )
    lower = np.minimum(before, after)
    struck = frame + (after - before) / np.maximum(peak - lower, 1e-6) / 2
    silent = np.pad(sounding <= IS_SOUNDING, ((0, 0), (0, 1)), constant_values=True)
    places = zip(key, frame, strict=True)
    ends = [at + 1 + int(np.argmax(silent[row, at + 1 :])) for row, at in places]
    notes = np.zeros(len(key), NOTE_DTYPE)
    notes["pitch"] = key + PIANO_PITCHES.start
    onset_s = np.clip(struck / FRAME_RATE_HZ, 0.0, latest_onset(duration_s))
    notes["onset_s"] = snap(onset_s)
    notes["velocity"] = np.clip(np.rint(velocity[key, frame] * FULL), 1, FULL)
    until_s = np.minimum(np.array(ends) / FRAME_RATE_HZ, next_strike(notes["pitch"], onset_s))
    notes["offset_s"] = snap(np.maximum(np.minimum(until_s, duration_s), notes["onset_s"] + TICK_S))
    notes = sort_notes(notes)
    notes["note_id"] = np.arange(len(notes))
    return Performance(notes=notes, pedal=_movements(pedal), duration_s=duration_s)


def _movements(depth: Shares) -> NDArray[np.void]:
    """Return a movement of the sustain pedal for each change of its depth (T,) by a step."""
    step = np.rint(depth * PEDAL_STEPS)
    moved = np.flatnonzero(np.diff(step, prepend=0))
    pedal = np.zeros(len(moved), PEDAL_DTYPE)
    pedal["time_s"] = snap(moved / FRAME_RATE_HZ)
    pedal["controller"] = SUSTAIN
    pedal["value"] = np.rint(step[moved] / PEDAL_STEPS * FULL)
    return pedal
