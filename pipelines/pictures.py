"""Pictures for the Dagster UI, as PNG bytes small enough to stand inside markdown metadata.

Figures are built through matplotlib's objects, never pyplot: that keeps state a process wide,
which threads and worker processes would share.
"""

import base64
import io
import textwrap

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import NDArray
from PIL import Image

from degradation.notes import SUSTAIN, Performance
from degradation.waveform import Waveform
from pipelines.note_changes import FollowedNote, NoteChange, follow_notes
from pipelines.palette import NOTE_COLOURS, NOTE_LEGEND, TIER_COLOURS, velocity_opacity
from pipelines.semitone_spectrogram import semitone_edges_hz, semitone_power

DOTS_PER_INCH = 100
DYNAMIC_RANGE_DB = 80
DB_STEP = 5
Shade = tuple[str, float]
SCORE_BINS = np.arange(50.0, 100.1, 2.5)


def as_markdown(png: bytes, alt: str) -> str:
    """Return markdown that shows a PNG without another request; `alt` describes it in words."""
    words = alt.replace("[", "(").replace("]", ")")
    return f"![{words}](data:image/png;base64,{base64.b64encode(png).decode('ascii')})"


def before_and_after(
    clean: Performance,
    clean_waveform: Waveform,
    degraded: Performance,
    degraded_waveform: Waveform,
    title: str,
) -> bytes:
    """Return a PNG of two performances: piano roll, sustain pedal and spectrogram of each.

    Before is left and after is right, all on one time axis in seconds. Notes are coloured by
    what happened to them and shaded by velocity. Both spectrograms show the power in each
    semitone (90 ms Hann windows) in dB relative to the loudest cell of the two.
    """
    figure = Figure(figsize=(12.4, 7.0), dpi=DOTS_PER_INCH, layout="constrained")
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
    # A dollar sign in a title is no mathematics.
    figure.suptitle(textwrap.shorten(title, 130, placeholder="…"), fontsize=13, parse_math=False)
    return as_png(figure)


def label_histograms(scores: pd.DataFrame, tiers: "pd.Series[str]") -> bytes:
    """Return a PNG of eight histograms, one a dimension, stacked by tier from 50 to 100.

    `scores` has one column for each of the eight dimensions and one row a sample; `tiers`
    names the tier of each row. Raises ValueError for another number of columns or rows, and
    for a tier that has no colour.
    """
    if len(scores.columns) != 8 or len(tiers) != len(scores):
        raise ValueError(
            "scores must have 8 columns and one tier a row, "
            f"got {len(scores.columns)} columns, {len(scores)} rows and {len(tiers)} tiers"
        )
    if unknown := set(tiers) - set(TIER_COLOURS):
        raise ValueError(f"tiers must be among {list(TIER_COLOURS)}, got {sorted(unknown)}")
    present = [tier for tier in TIER_COLOURS if (tiers == tier).any()]
    figure = Figure(figsize=(12.4, 5.2), dpi=DOTS_PER_INCH, layout="constrained")
    axes = np.asarray(figure.subplots(2, 4, sharex=True, sharey=True))
    for axis, dimension in zip(axes.flat, scores.columns, strict=True):
        values = scores[dimension].to_numpy()
        axis.hist(
            [values[(tiers == tier).to_numpy()] for tier in present],
            bins=SCORE_BINS,
            stacked=True,
            color=[TIER_COLOURS[tier] for tier in present],
            edgecolor="white",
            linewidth=0.5,
        )
        axis.set_title(str(dimension).replace("_", " "), loc="left", fontsize=11)
        axis.set_xlim(50, 100)
        axis.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("score")
    figure.supylabel("samples")
    figure.legend(
        handles=[Patch(facecolor=TIER_COLOURS[tier], label=tier) for tier in present],
        loc="outside upper right",
        ncols=len(TIER_COLOURS),
        frameon=False,
    )
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
    axes.barh(
        note["pitch"],
        note["offset_s"] - note["onset_s"],
        height=0.9,
        left=note["onset_s"],
        color=face,
        edgecolor=edge,
        linewidth=0.9,
    )


def _draw_pedal(axes: Axes, performance: Performance) -> None:
    moved = performance.pedal[performance.pedal["controller"] == SUSTAIN]
    time_s = np.concatenate([[0.0], moved["time_s"], [performance.duration_s]])
    value = np.concatenate([[0], moved["value"], moved["value"][-1:] if len(moved) else [0]])
    axes.fill_between(
        time_s,
        value.astype(np.float64),
        step="post",
        color=NOTE_COLOURS[NoteChange.KEPT],
        linewidth=0,
    )
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


def as_png(figure: Figure) -> bytes:
    """Return a figure as a PNG with a palette, a fraction of the size."""
    written = io.BytesIO()
    figure.savefig(written, format="png")
    picture = Image.open(written).convert("RGB")
    packed = io.BytesIO()
    # A palette halves the bytes; maximum coverage keeps colours that only a few notes have.
    palette = picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    palette.save(packed, "png", optimize=True)
    return packed.getvalue()
