"""A report's figures for a paper: each as SVG and PDF, and its numbers as CSV of the same name.

matplotlib draws them; the page does without it.
"""

import csv
import math
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from models.evaluation.report.document import Report
from models.evaluation.report.figures.line_chart import LineChart
from models.evaluation.report.figures.palette import COLOURS
from models.evaluation.report.figures.report_charts import all_charts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE_INCHES = (5.0, 3.2)
COLUMNS = ("line", "x", "y", "low", "high")


def write_figures(report: Report, folder: Path) -> list[Path]:
    """Write a report's figures into a folder, which holds nothing else; return the CSV files.

    The same report gives the same bytes. Each SVG and PDF names the report that it is of.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    written = []
    for chart in all_charts(report):
        name = re.sub(r"[^a-z0-9]+", "-", chart.title.lower()).strip("-")
        path = folder / f"{name}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *_rows(chart)])
        written.append(path)
        figure = Figure(figsize=SIZE_INCHES, layout="constrained")
        axes = figure.subplots()
        (_draw_rows if chart.in_rows else _draw)(chart, axes)
        axes.set_title(chart.title, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        about = {"Title": chart.title, "Creator": "pianograde"}
        with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "pdf.fonttype": 42}):
            svg = {**about, "Description": report.citation, "Date": None}
            figure.savefig(path.with_suffix(".svg"), metadata=svg)
            pdf = {**about, "Subject": report.citation, "CreationDate": None}
            figure.savefig(path.with_suffix(".pdf"), metadata=pdf)
    return written


def _rows(chart: LineChart) -> Iterator[tuple[object, ...]]:
    labels = dict(chart.x_ticks or ())
    for line in chart.lines:
        low, high = line.band or ([None] * len(line.x),) * 2
        for x, *figures in zip(line.x, line.y, low, high, strict=True):
            yield (line.name, labels.get(x, x), *figures)


def _draw(chart: LineChart, axes: "Axes") -> None:
    for line in chart.lines:
        colour = COLOURS[line.colour][0] if line.colour in COLOURS else "black"
        style = "--" if line.dashed else "-" if len(line.x) > 1 else "o"
        y = [math.nan if one is None else one for one in line.y]
        name = line.name if len(line.x) > 1 else None  # else the axis names it
        (drawn,) = axes.plot(line.x, y, style, color=colour, label=name)
        if line.marked is not None:
            drawn.set(marker="o", markevery=[list(line.x).index(line.marked)])
        if line.band and len(line.x) > 1:
            axes.fill_between(line.x, *line.band, color=colour, alpha=0.18, linewidth=0)
        elif line.band:
            axes.vlines(line.x, *line.band, color=colour, alpha=0.45, linewidth=4)
    if chart.guide is not None:
        axes.axhline(chart.guide, color="black", linestyle=":")
    if chart.x_ticks:
        axes.set_xticks(*zip(*chart.x_ticks, strict=True))
    axes.set(xlabel=chart.x_label, ylim=(chart.y_from, chart.y_to))
    if axes.get_legend_handles_labels()[1]:
        axes.legend(frameon=False, fontsize="small")


def _draw_rows(chart: LineChart, axes: "Axes") -> None:
    for line in chart.lines:
        colour = COLOURS[line.colour][0]
        y = [math.nan if one is None else one for one in line.y]
        axes.plot(y, line.x, "o", color=colour, label=line.name)
        if line.band:
            axes.hlines(line.x, *line.band, color=colour, alpha=0.45, linewidth=4)
    if chart.guide is not None:
        axes.axvline(chart.guide, color="black", linestyle=":")
    axes.set_yticks(*zip(*chart.x_ticks or (), strict=True))
    axes.invert_yaxis()
    axes.set_xlabel(chart.x_label)
    axes.figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize="small")
