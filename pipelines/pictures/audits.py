"""Pictures of the audits: what a probe leans on, and how alike the labels are."""

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.evaluation.audits.shortcut_probes import TierProbe
from models.evaluation.audits.thresholds import Gate
from pipelines.listening.palette import TIER_COLOURS
from pipelines.pictures.png import DOTS_PER_INCH, as_png

SHOWN_IMPORTANCES = 8
SETS = {
    "heard": "the recording",
    "dry": "its playing, nothing\ndone to the sound",
    "drawn": "what was drawn for\nthe recording",
    "notes": "counts of the notes",
}
BAR = "#35618f"
LIMIT = "#b2182b"


def probes_picture(probes: Sequence[TierProbe], chance: float, limit: float, title: str) -> bytes:
    """Return a PNG: balanced accuracy of each probe with its interval, and what each leans on.

    `limit` is the balanced accuracy above which the recording's own probe is a shortcut.
    """
    figure = Figure(figsize=(12.4, 7.0), dpi=DOTS_PER_INCH, layout="constrained")
    grid = figure.add_gridspec(2, len(probes), height_ratios=[1, 1.7])
    axis = figure.add_subplot(grid[0, :])
    names = [f"{probe.statistics}: {SETS[probe.statistics]}" for probe in probes]
    for row, probe in enumerate(probes):
        for tier, recall in probe.recall.items():
            axis.plot(
                recall, row + 0.28, "|", color=TIER_COLOURS[tier], markersize=9, markeredgewidth=3
            )
        axis.plot([probe.interval.low, probe.interval.high], [row, row], color=BAR, linewidth=4)
        axis.plot(probe.balanced_accuracy, row, "o", color=BAR, markersize=9)
        value = f"{probe.balanced_accuracy:.3f}"
        axis.annotate(
            value, (probe.balanced_accuracy, row), (0, 9), textcoords="offset points", ha="center"
        )
    axis.axvline(chance, color="#888888", linestyle=":", label="chance")
    axis.axvline(limit, color=LIMIT, linestyle="--", label="limit for heard")
    for tier, colour in TIER_COLOURS.items():
        axis.plot([], [], "|", color=colour, markersize=9, markeredgewidth=3, label=tier)
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.set_xlim(0, 1.02)
    axis.set_xlabel("balanced accuracy (dot), recall of each tier (ticks)")
    axis.legend(ncols=6, frameon=False, fontsize=9, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    axis.spines[["top", "right", "left"]].set_visible(False)
    widest = max(max(probe.importances.values()) for probe in probes)
    for column, probe in enumerate(probes):
        below = figure.add_subplot(grid[1, column])
        best = sorted(probe.importances.items(), key=lambda one: -one[1])[:SHOWN_IMPORTANCES]
        shown = [name.removeprefix(f"{probe.statistics}_").replace("_", " ") for name, _ in best]
        below.barh(shown, [drop for _, drop in best], color=BAR)
        below.invert_yaxis()
        below.set_xlim(min(0.0, min(drop for _, drop in best)), max(widest, 0.01) * 1.05)
        below.set_title(probe.statistics, loc="left", fontweight="bold")
        below.set_xlabel("drop when shuffled", fontsize=9)
        below.spines[["top", "right"]].set_visible(False)
    figure.suptitle(textwrap.fill(title, 110), fontsize=13, parse_math=False)
    return as_png(figure)


def correlation_picture(
    correlation: NDArray[np.float64], dimensions: Sequence[str], gates: Sequence[Gate]
) -> bytes:
    """Return a PNG of a correlation matrix, −1 to 1, under what the gates say of it."""
    figure = Figure(figsize=(8.6, 7.4), dpi=DOTS_PER_INCH, layout="constrained")
    axis = figure.subplots()
    mesh = axis.imshow(correlation, vmin=-1, vmax=1, cmap="RdBu_r")
    names = [name.replace("_", " ") for name in dimensions]
    axis.set_xticks(range(len(names)), names, rotation=40, ha="right")
    axis.set_yticks(range(len(names)), names)
    for row, values in enumerate(correlation):
        for column, r in enumerate(values):
            colour = "white" if abs(r) > 0.6 else "black"
            text = "–" if np.isnan(r) else f"{r:.2f}"
            axis.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
    figure.colorbar(mesh, ax=axis, shrink=0.8, label="Pearson's r")
    said = [f"{gate.name} {gate.value:.2f}, {gate.bound} {gate.limit:g}: {gate.verdict}"
            for gate in gates]  # fmt: skip
    axis.set_title("\n".join(said), loc="left", fontsize=11)
    return as_png(figure)
