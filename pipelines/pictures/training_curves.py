"""The figures of all epochs as one picture for the Dagster UI."""

from collections.abc import Mapping, Sequence

import dagster as dg
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipelines.pictures.png import DOTS_PER_INCH, as_markdown, as_png

COLUMNS = 3
LINE_COLOURS = ("#2166ac", "#b2182b", "#1b7837", "#e08214", "#762a83", "#35978f", "#8c510a", "#555")
DASHES = ("-", "--", "-.", ":")
"""Lines differ in colour and dash, so that neither is the only sign."""

Panels = Mapping[str, Mapping[str, Sequence[float | None]]]
"""Title to lines, each a name and a figure for each epoch; None where there is none."""

Channels = Mapping[str, Sequence[Sequence[float]]]
"""Title to one value for each channel of the hidden space, epoch by epoch."""


def panels_of(epochs: Sequence[Mapping[str, float]]) -> Panels:
    """Return a panel for each kind of figure; the figures are named `kind: name`."""
    panels: dict[str, dict[str, list[float | None]]] = {}
    for name in dict.fromkeys(name for epoch in epochs for name in epoch):
        kind, _, line = name.partition(": ")
        panels.setdefault(kind, {})[line] = [epoch.get(name) for epoch in epochs]
    return panels


def curves(panels: Panels, channels: Channels) -> bytes:
    """Return a PNG with one panel for each title, with epochs from 1 on the x axis."""
    titles = [*panels, *channels]
    rows = -(-len(titles) // COLUMNS)
    figure = Figure(figsize=(4.2 * COLUMNS, 2.6 * rows), dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axis, title in zip(axes, titles, strict=False):
        if title in panels:
            _draw_lines(axis, panels[title])
        else:
            _draw_channels(axis, channels[title])
        axis.set_title(title, loc="left", fontsize=10)
        axis.set_xlabel("epoch", fontsize=8)
        axis.tick_params(labelsize=8)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes[len(titles) :]:
        axis.set_visible(False)
    return as_png(figure)


def _draw_channels(axis: Axes, values: Sequence[Sequence[float]]) -> None:
    drawn = np.array(values).T
    drawn = drawn[np.argsort(drawn[:, -1], kind="stable")]
    image = axis.imshow(
        drawn,
        aspect="auto",
        origin="lower",
        interpolation="nearest",
        cmap="viridis",
        extent=(0.5, len(values) + 0.5, 0.5, len(drawn) + 0.5),
    )
    axis.figure.colorbar(image, ax=axis).ax.tick_params(labelsize=7)
    axis.set_ylabel("channel, by its last value", fontsize=8)


def _draw_lines(axis: Axes, lines: Mapping[str, Sequence[float | None]]) -> None:
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
    if len(lines) > 1:
        axis.legend(fontsize=6.5, frameon=False, ncols=1 + (len(lines) > 5))


def curves_metadata(
    epochs: Sequence[Mapping[str, float]], channels: Channels | None = None
) -> dg.MarkdownMetadataValue:
    """Return the curves of a training as a picture in the metadata."""
    panels, channels = panels_of(epochs), channels or {}
    words = f"{len(epochs)} epochs: " + ", ".join([*panels, *channels])
    return dg.MetadataValue.md(as_markdown(curves(panels, channels), words))
