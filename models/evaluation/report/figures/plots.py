"""How the experiments did, in pictures: all of them side by side, and score by score."""

import functools
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from degradation.seeds import stream
from models.config.experiment import Experiment
from models.evaluation.report.figures.drawing import GREY, INK, Key, panel
from models.evaluation.report.summary import ExperimentSummary, Summary
from models.evaluation.report.tables import Content

TIER_COLOURS = {"pristine": "#2a9d8f", "good": "#4f86c6", "moderate": "#e09f3e", "poor": "#d1495b"}
EXPERIMENT_COLOURS: dict[Experiment, str] = {
    "audio_only": "#4f86c6",
    "midi_only": "#e09f3e",
    "crossattn": "#d1495b",
    "gated": "#2a9d8f",
    "concat": "#8d6cab",
}
SCATTER_POINTS = 2500
"""Points in one scatter: more would only hide each other."""


def experiment_keys(summary: Summary) -> list[Key]:
    """Return the colours of the experiments."""
    return [Key(one.name, EXPERIMENT_COLOURS[one.name]) for one in summary.experiments]


def tier_keys(summary: Summary) -> list[Key]:
    """Return the colours of the tiers that are judged."""
    there = {tier for one in summary.experiments for tier in one.tiers}
    return [Key(tier, colour) for tier, colour in TIER_COLOURS.items() if tier in there]


def plot_overview(report: Content) -> list[str]:
    """Return mean r and mean MAE of each experiment with intervals, ceiling and baseline."""
    found = report["experiments"]
    names = [one["name"] for one in found]

    def paint(axis: Axes, figure: str, words: str) -> None:
        ceiling = report["ceiling"]["on_these_samples"][figure]
        baseline = report["baseline"][figure]
        for row, one in enumerate(found):
            style: Any = {"color": EXPERIMENT_COLOURS[names[row]]}
            low, high = one[f"{figure}_interval"]
            if low is not None:
                axis.plot([low, high], [row] * 2, linewidth=3, alpha=0.45, **style)
            if one[figure] is not None:
                axis.plot(one[figure], row, "o", markersize=7, **style)
        if ceiling is not None:
            axis.axvline(ceiling, color=INK, linestyle="--", linewidth=1, zorder=0)
            axis.text(ceiling, -0.72, "ceiling", ha="center", va="bottom")
        if baseline is not None:
            axis.axvline(baseline, color=GREY, linestyle=":", linewidth=1.2, zorder=0)
            axis.text(baseline, -0.72, "the mean", color=GREY, ha="center", va="bottom")
        axis.set_yticks(range(len(names)), names)
        axis.set_ylim(len(names) - 0.4, -0.75)
        axis.set_xlabel(words)
        axis.margins(x=0.12)
        axis.tick_params(axis="y", length=0)
        axis.spines["left"].set_visible(False)

    return [
        panel(
            functools.partial(paint, figure=figure, words=words),
            title=f"{words} of each experiment, {report['data']['recipe']}",
            width_in=4.8,
            height_in=1.0 + 0.3 * len(names),
        )
        for figure, words in (("mean_r", "mean r"), ("mean_mae", "mean MAE"))
    ]


def plot_scatter(summary: Summary) -> list[str]:
    """Return predicted against true scores, coloured by tier, one panel an experiment."""
    return [_scatter(experiment) for experiment in summary.experiments]


def _scatter(experiment: ExperimentSummary) -> str:
    true, predicted = experiment.true.ravel(), experiment.predicted.ravel()
    tiers = np.repeat(np.asarray(experiment.tiers), experiment.true.shape[1])
    shown = stream(0, "scatter").permutation(len(true))[:SCATTER_POINTS]

    def paint(axis: Axes) -> None:
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
            )
        axis.axline((75, 75), slope=1, color=INK, linewidth=0.6, linestyle=":")
        axis.set_title(experiment.name)
        axis.set_xlabel("true score")
        axis.set_ylabel("predicted score")
        axis.set_xticks(range(50, 101, 10))
        axis.set_yticks(range(50, 101, 10))
        axis.set_xlim(48, 102)
        axis.set_ylim(48, 102)
        axis.set_aspect("equal")

    title = f"predicted against true scores of {experiment.name}"
    return panel(paint, title=title, height_in=3.3)
