"""A passage before and after damage: piano roll, pedal and spectrogram as one PNG."""

import textwrap
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import NDArray

from degradation.notes import SUSTAIN, Performance
from degradation.waveform import Waveform
from pipelines.listening.note_changes import FollowedNote, NoteChange, follow_notes
from pipelines.listening.palette import NOTE_COLOURS, NOTE_LEGEND, velocity_opacity
from pipelines.pictures.png import DOTS_PER_INCH, WIDTH_INCHES, as_png
from pipelines.pictures.semitone_spectrogram import semitone_edges_hz, semitone_power

DYNAMIC_RANGE_DB = 80
DB_STEP = 5
Shade = tuple[str, float]


def before_and_after(
    clean: Performance,
    clean_waveform: Waveform,
    degraded: Performance,
    degraded_waveform: Waveform,
    title: str,
) -> bytes:
    """Return a PNG of two performances: piano roll, sustain pedal and spectrogram of each.

    Before is left and after is right, on one time axis in seconds. Notes are coloured by their
    change and shaded by velocity. The spectrograms show the power in each semitone (90 ms Hann
    windows) in dB relative to the loudest cell of the two.
    """
    figure = Figure(figsize=(WIDTH_INCHES, 7.0), dpi=DOTS_PER_INCH, layout="constrained")
    grid = figure.add_gridspec(3, 2, height_ratios=[10, 1.2, 7])
    axes = np.asarray(grid.subplots(sharex=True, sharey="row"))
    followed = follow_notes(clean.notes, degraded.notes)
    waveforms = (clean_waveform, degraded_waveform)
    edges_hz = semitone_edges_hz(min(waveform.sample_rate_hz for waveform in waveforms) / 2)
    powers = [semitone_power(waveform, edges_hz) for waveform in waveforms]
    loudest = max(max(power.max() for power in powers), np.finfo(np.float64).tiny)
    for column, (heading, performance, waveform, power) in enumerate(
        zip(("before", "after"), (clean, degraded), waveforms, powers, strict=True)
    ):
        roll, pedal, sound = axes[:, column]
        roll.set_title(heading, loc="left", fontweight="bold")
        _draw_roll(roll, followed, after=heading == "after")
        _draw_pedal(pedal, performance)
        mesh = _draw_spectrogram(sound, power / loudest, edges_hz, waveform.duration_s)
    durations_s = [part.duration_s for part in (clean, degraded, *waveforms)]
    axes[0, 0].set_xlim(0, max(durations_s))
    axes[0, 0].set_ylabel("pitch")
    axes[1, 0].set_ylabel("pedal", rotation=0, ha="right", va="center")
    axes[2, 0].set_ylabel("frequency (Hz)")
    ticks = range(-DYNAMIC_RANGE_DB, 1, 20)
    figure.colorbar(mesh, ax=axes[2, :], pad=0.01, label="dB re the loudest", ticks=ticks)
    figure.legend(
        handles=[_legend_patch(change) for change in NOTE_LEGEND],
        loc="outside lower center",
        ncols=len(NOTE_LEGEND),
        frameon=False,
    )
    # A dollar sign in a title does not start mathematics.
    figure.suptitle(textwrap.shorten(title, 130, placeholder="…"), fontsize=13, parse_math=False)
    return as_png(figure)


def _draw_roll(axes: Axes, followed: tuple[FollowedNote, ...], *, after: bool) -> None:
    for one in followed:
        colour = NOTE_COLOURS[one.change]
        if (note := one.after if after else one.before) is not None:
            shade = (colour, velocity_opacity(int(note["velocity"])))
            _draw_note(axes, note, face=shade, edge=shade)
        elif after and one.before is not None:
            _draw_note(axes, one.before, face="none", edge=colour)
    sides = [side for one in followed for side in (one.before, one.after) if side is not None]
    pitches = [int(side["pitch"]) for side in sides] or [60, 72]
    octaves = range(24, 109, 12)
    axes.set_yticks(octaves, [f"C{pitch // 12 - 1}" for pitch in octaves])
    axes.set_ylim(min(pitches) - 2, max(pitches) + 2)
    axes.grid(axis="y", color="#e3e6e9", linewidth=0.8)
    axes.set_axisbelow(True)


def _draw_note(axes: Axes, note: np.void, *, face: Shade | str, edge: Shade | str) -> None:
    length_s, left_s = note["offset_s"] - note["onset_s"], note["onset_s"]
    style: Any = {"color": face, "edgecolor": edge, "linewidth": 0.9}
    axes.barh(note["pitch"], length_s, height=0.9, left=left_s, **style)


def _draw_pedal(axes: Axes, performance: Performance) -> None:
    moved = performance.pedal[performance.pedal["controller"] == SUSTAIN]
    time_s = np.concatenate([[0.0], moved["time_s"], [performance.duration_s]])
    value = np.concatenate([[0], moved["value"], moved["value"][-1:] if len(moved) else [0]])
    colour = NOTE_COLOURS[NoteChange.KEPT]
    axes.fill_between(time_s, value.astype(np.float64), step="post", color=colour, linewidth=0)
    axes.set_ylim(0, 127)
    axes.set_yticks([])


def _draw_spectrogram(
    axes: Axes,
    relative_power: NDArray[np.float64],
    edges_hz: NDArray[np.float64],
    duration_s: float,
) -> QuadMesh:
    level_db = 10 * np.log10(np.maximum(relative_power, 10 ** (-DYNAMIC_RANGE_DB / 10)))
    colours = matplotlib.colormaps["magma"].resampled(DYNAMIC_RANGE_DB // DB_STEP)
    time_s = np.linspace(0, duration_s, level_db.shape[1] + 1)
    mesh = axes.pcolormesh(
        time_s, edges_hz, level_db, cmap=colours, vmin=-DYNAMIC_RANGE_DB, vmax=0, rasterized=True
    )
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(FixedLocator([100, 1000, 10_000]))
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(edges_hz[0], edges_hz[-1])
    axes.set_xlabel("time (s)")
    return mesh


def _legend_patch(change: NoteChange) -> Patch:
    colour = NOTE_COLOURS[change]
    face = "none" if change is NoteChange.MISSED else colour
    return Patch(facecolor=face, edgecolor=colour, label=NOTE_LEGEND[change])
