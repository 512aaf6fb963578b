"""The report's figures, as SVG that takes its text colour and font from the page around it."""

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from degradation.seeds import stream
from models.evaluation.summary import ExperimentSummary, Summary

INK = "#010203"
"""Stands for the page's text colour: replaced by `currentColor`, so dark mode can read it."""

TIER_COLOURS = {"pristine": "#2a9d8f", "good": "#4f86c6", "moderate": "#e09f3e", "poor": "#d1495b"}
EXPERIMENT_COLOURS = ("#4f86c6", "#e09f3e", "#2a9d8f", "#d1495b", "#8d6cab")
SCATTER_POINTS = 2500
"""Points in one scatter: more would only hide each other."""

STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
}


def _svg(figure: Figure, title: str) -> str:
    written = io.StringIO()
    figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})
    svg = written.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    # Size by the page, not in points; fonts too, so that figures read like the text.
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r"font: ([^;\"]*?)px [^;\"]*", r"font-size: \1px; font-family: inherit", svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{title}"', 1)


def _draw(
    columns: int, height_in: float, paint: Callable[[list[Axes]], None], title: str, salt: str
) -> str:
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": salt}):
        figure = Figure(figsize=(10.0, height_in), layout="constrained")
        axes = figure.subplots(1, columns, squeeze=False)[0]
        paint(list(axes))
        return _svg(figure, title)


def plot_overview(summary: Summary) -> str:
    """Return mean r and mean MAE of each experiment with intervals, ceiling and baseline."""
    names = [experiment.name for experiment in summary.experiments]

    def paint(axes: list[Axes]) -> None:
        for axis, label, ceiling, baseline in (
            (axes[0], "mean r", summary.ceiling_here.mean_r, 0.0),
            (axes[1], "mean MAE", summary.ceiling_here.mean_mae, summary.baseline.mean_mae),
        ):
            for row, experiment in enumerate(summary.experiments):
                is_r = axis is axes[0]
                interval = experiment.intervals.mean_r if is_r else experiment.intervals.mean_mae
                value = experiment.agreement.mean_r if is_r else experiment.agreement.mean_mae
                colour = EXPERIMENT_COLOURS[row % len(EXPERIMENT_COLOURS)]
                axis.plot(
                    [interval.low, interval.high],
                    [row, row],
                    color=colour,
                    linewidth=3,
                    alpha=0.45,
                    solid_capstyle="round",
                )
                axis.plot(value, row, "o", color=colour, markersize=8)
            axis.axvline(ceiling, color=INK, linestyle="--", linewidth=1)
            axis.axvline(baseline, color="#888888", linestyle=":", linewidth=1.2)
            top = -0.72
            axis.text(ceiling, top, "ceiling", ha="center", va="bottom")
            axis.text(
                baseline, top, "predicting the mean", color="#888888", ha="center", va="bottom"
            )
            axis.set_yticks(range(len(names)), names if axis is axes[0] else [""] * len(names))
            axis.set_ylim(len(names) - 0.4, -0.75)
            axis.set_xlabel(label)
            axis.margins(x=0.12)
            axis.tick_params(axis="y", length=0)
            axis.spines["left"].set_visible(False)

    height_in = 1.2 + 0.42 * len(names)
    return _draw(2, height_in, paint, "mean r and MAE of each experiment", "overview")


def plot_training(summary: Summary) -> str:
    """Return training and validation loss by epoch, one panel an experiment."""

    def paint(axes: list[Axes]) -> None:
        for axis, experiment in zip(axes, summary.experiments, strict=True):
            history = experiment.training.history
            epochs = [record.epoch for record in history]
            axis.plot(epochs, [r.train_loss for r in history], color="#888888", label="training")
            axis.plot(epochs, [r.val_loss for r in history], color="#4f86c6", label="validation")
            best = experiment.training.best
            axis.plot(best.epoch, best.val_loss, "o", color="#4f86c6", label="kept")
            axis.set_title(experiment.name)
            axis.set_xlabel("epoch")
            axis.set_ylim(bottom=0)
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes[0].set_ylabel("Huber loss (standardised)")
        axes[0].legend()

    columns = len(summary.experiments)
    return _draw(columns, 2.7, paint, "loss by epoch", "training")


def _scatter(axis: Axes, experiment: ExperimentSummary) -> None:
    true, predicted = experiment.true.ravel(), experiment.predicted.ravel()
    tiers = np.repeat(np.asarray(experiment.tiers), experiment.true.shape[1])
    shown = stream(0, "scatter").permutation(len(true))[:SCATTER_POINTS]
    for tier, colour in TIER_COLOURS.items():
        chosen = shown[tiers[shown] == tier]
        axis.plot(
            true[chosen],
            predicted[chosen],
            ".",
            color=colour,
            markersize=3.5,
            alpha=0.5,
            markeredgewidth=0,
            rasterized=True,
            label=tier,
        )
    axis.axline((75, 75), slope=1, color=INK, linewidth=0.6, linestyle=":")
    axis.set_title(experiment.name)
    axis.set_xlabel("true score")
    axis.set_xticks(range(50, 101, 10))
    axis.set_yticks(range(50, 101, 10))
    axis.set_xlim(48, 102)
    axis.set_ylim(48, 102)
    axis.set_aspect("equal")


def plot_scatter(summary: Summary) -> str:
    """Return predicted against true scores, coloured by tier, one panel an experiment."""

    def paint(axes: list[Axes]) -> None:
        for axis, experiment in zip(axes, summary.experiments, strict=True):
            _scatter(axis, experiment)
        axes[0].set_ylabel("predicted score")
        axes[0].legend(markerscale=3, loc="upper left", handletextpad=0.1, borderpad=0)

    columns = len(summary.experiments)
    return _draw(columns, 10.4 / max(columns, 2), paint, "predicted against true", "scatter")


def plot_gate(experiment: ExperimentSummary) -> str:
    """Return the gate's mean by epoch, with one standard deviation around it."""
    history = [r for r in experiment.training.history if r.gate_mean is not None]
    epochs = np.array([record.epoch for record in history])
    mean = np.array([record.gate_mean or 0.0 for record in history])
    spread = np.array([record.gate_spread or 0.0 for record in history])

    def paint(axes: list[Axes]) -> None:
        axis = axes[0]
        axis.fill_between(
            epochs, mean - spread, mean + spread, color="#2a9d8f", alpha=0.2, linewidth=0
        )
        axis.plot(epochs, mean, color="#2a9d8f")
        axis.axhline(0.5, color=INK, linewidth=0.6, linestyle=":")
        axis.set_ylim(0, 1)
        axis.set_xlabel("epoch")
        axis.set_yticks([0, 0.5, 1], ["0: all MIDI", "0.5", "1: all audio"])
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))

    return _draw(1, 2.4, paint, f"gate of {experiment.name} by epoch", f"gate {experiment.name}")
