"""One panel of a figure as SVG that takes its text colour and font from the page around it.

The page lays panels out in as many columns as it has room for, so that they can be read on a
phone; colours are explained once above them (see `Key`).
"""

import html
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

INK = "#010203"
"""Stands for the page's text colour: replaced by `currentColor`, so dark mode can read it."""
GREY = "#888888"
"""For what is there to compare with."""

STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "xtick.color": INK,
    "ytick.color": INK,
}


@dataclass(frozen=True, slots=True)
class Key:
    """What a colour stands for in the panels below it."""

    name: str
    colour: str


def panel(
    paint: Callable[[Axes], None], *, title: str, width_in: float = 3.4, height_in: float = 2.6
) -> str:
    """Return what `paint` draws; it fills the width it is given.

    `title` is what a screen reader says. No two panels of a page may share it, as the ids
    inside follow from it.
    """
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": title}):
        figure = Figure(figsize=(width_in, height_in), layout="constrained")
        paint(figure.subplots())
        written = io.StringIO()
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})
    svg = written.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    # Size by the page, not in points; fonts too, so that figures read like the text.
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r"font: ([^;\"]*?)px [^;\"]*", r"font-size: \1px; font-family: inherit", svg)
    # What nothing refers to is called alike in every panel, and the ids of a page are unique.
    used = set(re.findall(r"#([\w-]+)", svg))
    svg = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{html.escape(title)}"', 1)


def count_epochs(axis: Axes) -> None:
    """Have whole epochs on the x axis."""
    axis.set_xlabel("epoch")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
