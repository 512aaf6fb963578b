"""What the note detector should say of a performance, frame by frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degradation.notes import PIANO_PITCHES, SUSTAIN, Performance
from models.hearing.detector import KEYS
from models.hearing.spectrum import FRAME_RATE_HZ
from models.tokens.performance import depth_at, performance_tokens

REACH_FRAMES = 2.5
"""An onset's triangle reaches 50 ms to either side, as in Kong et al. (2021)."""

FULL = 127
"""Velocity and pedal depth are shares of it."""

Frames = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DetectorTargets:
    """Float32 in 0-1: `onset`, `sounding`, `velocity` (88, T), `pedal` (T,).

    `onset` falls from 1 at an onset to 0 at `REACH_FRAMES`; `velocity` counts where `onset` is
    above 0; a note sounds until damper, next stroke of its key or the end.
    """

    onset: Frames
    sounding: Frames
    velocity: Frames
    pedal: Frames


def detector_targets(performance: Performance, frames: int) -> DetectorTargets:
    """Return what should be heard of a performance in its first `frames` frames."""
    notes = performance_tokens(performance)
    onset, sounding, velocity = (np.zeros((KEYS, frames), np.float32) for _ in range(3))
    key = notes["pitch"].astype(np.int64) - PIANO_PITCHES.start
    struck = notes["onset_s"].astype(np.float64) * FRAME_RATE_HZ
    ends = struck + notes["sounding_s"] * FRAME_RATE_HZ
    for row, at, end, loud in zip(key, struck, ends, notes["velocity"] / FULL, strict=True):
        near = np.arange(max(0, int(at - REACH_FRAMES)), min(frames, int(at + REACH_FRAMES) + 2))
        nearness = np.clip(1 - np.abs(near - at) / REACH_FRAMES, 0, 1)
        nearer = near[nearness > onset[row, near]]
        onset[row, near] = np.maximum(onset[row, near], nearness)
        velocity[row, nearer] = loud
        first = round(at)
        sounding[row, first : max(first + 1, round(end))] = 1
    time_s = np.arange(frames) / FRAME_RATE_HZ
    pedal = depth_at(performance.pedal, SUSTAIN, time_s).astype(np.float32) / np.float32(FULL)
    return DetectorTargets(onset=onset, sounding=sounding, velocity=velocity, pedal=pedal)
