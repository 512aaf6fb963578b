"""Figures by epoch as Dagster shows them: one number an observation, and a picture of them all."""

import io
from collections.abc import Mapping, Sequence

import dagster as dg
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipelines.pictures import DOTS_PER_INCH, as_markdown

COLUMNS = 3
LINE_COLOURS = ("#2166ac", "#b2182b", "#1b7837", "#e08214", "#762a83", "#35978f", "#8c510a", "#555")
"""ColorBrewer's darkest of several classes; lines differ in dash too, so hue is not all."""
DASHES = ("-", "--", "-.", ":")

Panels = Mapping[str, Mapping[str, Sequence[float | None]]]
"""Title to lines, each a name and a figure an epoch; None where there is none."""


def panels_of(epochs: Sequence[Mapping[str, float]], groups: Mapping[str, str]) -> Panels:
    """Return the panels of a training: the figures whose names begin with a group's prefix.

    `groups` maps titles to prefixes; a line is called by what follows its prefix.
    """
    names = list(dict.fromkeys(name for epoch in epochs for name in epoch))
    panels = {
        title: {
            (name.removeprefix(prefix).strip() or name): [epoch.get(name) for epoch in epochs]
            for name in names
            if name.startswith(prefix)
        }
        for title, prefix in groups.items()
    }
    return {title: lines for title, lines in panels.items() if lines}


def curves(panels: Panels) -> bytes:
    """Return a PNG with a panel each, epochs from 1 on the x axis."""
    rows = -(-len(panels) // COLUMNS)
    figure = Figure(figsize=(4.2 * COLUMNS, 2.6 * rows), dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axis, (title, lines) in zip(axes, panels.items(), strict=False):
        _draw(axis, title, lines)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    written = io.BytesIO()
    figure.savefig(written, format="png")
    return written.getvalue()


def _draw(axis: Axes, title: str, lines: Mapping[str, Sequence[float | None]]) -> None:
    for number, (name, figures) in enumerate(lines.items()):
        values = np.array([np.nan if figure is None else figure for figure in figures], float)
        axis.plot(
            np.arange(1, len(values) + 1),
            values,
            marker=".",
            linewidth=1.3,
            color=LINE_COLOURS[number % len(LINE_COLOURS)],
            linestyle=DASHES[number % len(DASHES)],
            label=name,
        )
    axis.set_title(title, loc="left", fontsize=10)
    axis.set_xlabel("epoch", fontsize=8)
    axis.tick_params(labelsize=8)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.spines[["top", "right"]].set_visible(False)
    if len(lines) > 1:
        axis.legend(fontsize=6.5, frameon=False, ncols=1 + (len(lines) > 5))


def curves_metadata(
    epochs: Sequence[Mapping[str, float]], groups: Mapping[str, str]
) -> dg.MarkdownMetadataValue:
    """Return a training's curves as a picture in the metadata."""
    panels = panels_of(epochs, groups)
    words = f"{len(epochs)} epochs: " + ", ".join(panels)
    return dg.MetadataValue.md(as_markdown(curves(panels), words))
