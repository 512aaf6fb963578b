"""Geometry of a take's piano roll and of its grades over time, on one axis of seconds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degradation.notes import SUSTAIN, Performance
from pipelines.listening.palette import velocity_opacity

PX_PER_S = 40.0
WIDEST_PX = 16_000
"""A longer take is drawn smaller."""

SEMITONE_PX = 5
MARGIN_SEMITONES = 2
LOUDNESS_STEPS = 8
TICKS_S = (5, 10, 30, 60, 300, 600, 1800)
TICK_APART_PX = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """A piano roll in pixels: one SVG path for each step of loudness, with its opacity."""

    height: int
    notes: tuple[tuple[str, str], ...]
    octaves: tuple[tuple[int, str], ...]
    pedal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A window's grade in a strip: `left` and `width` in per cent of the take; NaN is silent."""

    left: float
    width: float
    at_s: float
    grade: float
    lowest: bool


def width_px(duration_s: float) -> int:
    """Return the width of a take on the page."""
    return max(1, round(min(duration_s * PX_PER_S, WIDEST_PX)))


def ticks(duration_s: float) -> list[int]:
    """Return the seconds that the axis names: as many as there is room for."""
    scale = width_px(duration_s) / duration_s
    step_s = next((step for step in TICKS_S if step * scale >= TICK_APART_PX), TICKS_S[-1])
    return list(range(0, int(duration_s) + 1, step_s))


def draw_roll(performance: Performance, duration_s: float) -> Roll:
    """Return a performance's piano roll over `duration_s`."""
    notes = performance.notes
    scale = width_px(duration_s) / duration_s
    lowest, highest = int(notes["pitch"].min()), int(notes["pitch"].max())
    top = highest + MARGIN_SEMITONES
    height = (top - lowest + MARGIN_SEMITONES + 1) * SEMITONE_PX
    left = scale * notes["onset_s"]
    length = np.maximum(scale * (notes["offset_s"] - notes["onset_s"]) - 0.5, 1)
    middle = (top - notes["pitch"].astype(int) + 0.5) * SEMITONE_PX
    step = (notes["velocity"].astype(int) * LOUDNESS_STEPS) // 128
    paths = []
    for k in np.unique(step):
        lines = np.column_stack([left, middle, length])[step == k]
        opacity = velocity_opacity(int(2 * k + 1) * 64 // LOUDNESS_STEPS)
        paths.append((f"{opacity:.2f}", "".join(f"M{x:.1f} {y:g}h{w:.1f}" for x, y, w in lines)))
    octaves = [
        ((top - pitch + 1) * SEMITONE_PX, f"C{pitch // 12 - 1}")
        for pitch in range(12, 120, 12)
        if lowest - MARGIN_SEMITONES < pitch < top
    ]
    return Roll(
        height=height,
        notes=tuple(paths),
        octaves=tuple(octaves),
        pedal=_pedal_path(performance, duration_s, scale),
    )


def _pedal_path(performance: Performance, duration_s: float, scale: float) -> str:
    """Return the sustain pedal's depth, 127 (up) to 0; nothing where it never moves."""
    moved = performance.pedal[performance.pedal["controller"] == SUSTAIN]
    steps = "".join(f"H{scale * m['time_s']:.1f}V{127 - int(m['value'])}" for m in moved)
    return f"M0 127{steps}H{scale * duration_s:.1f}V127Z" if steps else ""


def draw_cells(
    grades: NDArray[np.float64], bounds_s: Sequence[tuple[float, float]], duration_s: float
) -> list[Cell]:
    """Return a dimension's grades as cells: each reaches halfway to its neighbours' middles.

    Windows overlap by half, so that a cell is the middle of its window.
    """
    middles_s = np.array([start_s + length_s / 2 for start_s, length_s in bounds_s])
    edges_s = np.concatenate([[0.0], (middles_s[1:] + middles_s[:-1]) / 2, [duration_s]])
    heard = np.isfinite(grades)
    lowest = int(np.nanargmin(grades)) if heard.sum() > 1 and np.ptp(grades[heard]) > 0 else -1
    return [
        Cell(
            left=100 * float(edges_s[k]) / duration_s,
            width=100 * float(edges_s[k + 1] - edges_s[k]) / duration_s,
            at_s=bounds_s[k][0],
            grade=float(grade),
            lowest=k == lowest,
        )
        for k, grade in enumerate(grades)
    ]
