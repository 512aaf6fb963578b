"""A table of numbers as colours, with the numbers in it."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

DARK_LUMINANCE = 0.5
"""On cells darker than this, numbers are white."""


def paint_heat_map(
    axis: Axes,
    values: Sequence[Sequence[float | None]],
    cells: Sequence[Sequence[str]],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    colours: str,
    low: float,
    high: float,
) -> None:
    """Draw `values` from the top row down, `low` to `high` on the colour map `colours`.

    `cells` are what is written on them. A None is left blank.
    """
    table = np.array(values, np.float64)
    scale, palette = Normalize(low, high, clip=True), colormaps[colours]
    axis.pcolormesh(
        np.ma.masked_invalid(table), cmap=palette, norm=scale, edgecolors="white", linewidth=0.8
    )
    for (row, column), value in np.ndenumerate(table):
        red, green, blue, _ = palette(scale(value))
        dark = 0.299 * red + 0.587 * green + 0.114 * blue < DARK_LUMINANCE
        axis.text(
            column + 0.5,
            row + 0.5,
            cells[row][column],
            ha="center",
            va="center",
            fontsize=7.5,
            color="white" if dark else "black",
        )
    axis.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=35, ha="right", fontsize=8)
    axis.set_yticks(np.arange(len(rows)) + 0.5, rows, fontsize=8)
    axis.invert_yaxis()
    axis.tick_params(length=0)
    for side in axis.spines.values():
        side.set_visible(False)
