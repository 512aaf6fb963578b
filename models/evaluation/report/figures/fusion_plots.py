"""What the fusion models did inside, in pictures."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes

from models.diagnostics.fusion_diagnostics import FusionDiagnostics
from models.evaluation.report.figures.drawing import GREY, INK, Key, count_epochs, panel
from models.evaluation.report.figures.plots import EXPERIMENT_COLOURS
from models.evaluation.report.summary import ExperimentSummary, Summary


def fusions(summary: Summary) -> list[ExperimentSummary]:
    """Return the experiments that hear and read."""
    return [one for one in summary.experiments if one.fusion is not None]


def fusion_keys(summary: Summary) -> list[Key]:
    """Return the colours of the fusion models."""
    return [Key(one.name, EXPERIMENT_COLOURS[one.name]) for one in fusions(summary)]


def plot_fusion(summary: Summary) -> list[str]:
    """Return audio's share and retrieval by epoch, and the gate of the kept one where there is."""
    found = fusions(summary)
    return [
        _audio_share(found),
        _retrieval(found),
        *(_gate(one) for one in found if one.training.best.diagnostics.gate_mean is not None),
    ]


def _lines(
    axis: Axes,
    experiments: list[ExperimentSummary],
    figure: Callable[[FusionDiagnostics], float | None],
) -> None:
    for one in experiments:
        found = [(r.epoch, figure(r.diagnostics)) for r in one.training.history]
        there = [(epoch, value) for epoch, value in found if value is not None]
        epochs, values = [epoch for epoch, _ in there], [value for _, value in there]
        axis.plot(epochs, values, ".-", color=EXPERIMENT_COLOURS[one.name])
    count_epochs(axis)


def _audio_share(experiments: list[ExperimentSummary]) -> str:
    def paint(axis: Axes) -> None:
        _lines(axis, experiments, lambda found: found.audio_share)
        axis.axhline(0.5, color=INK, linewidth=0.6, linestyle=":")
        axis.set_ylim(0, 1)
        axis.set_yticks([0, 0.5, 1], ["all MIDI", "even", "all audio"])
        axis.set_title("audio's share of the norm")

    return panel(paint, title="audio's share of the fused norm by epoch")


def _retrieval(experiments: list[ExperimentSummary]) -> str:
    def paint(axis: Axes) -> None:
        _lines(axis, experiments, lambda found: found.retrieval_at_1)
        for one in experiments:
            chance = one.training.best.diagnostics.retrieval_chance
            if chance is not None:
                axis.axhline(chance, color=GREY, linewidth=1.2, linestyle=":")
        axis.set_ylim(bottom=0)
        axis.set_title("retrieval@1")

    return panel(paint, title="retrieval at 1 between audio and MIDI by epoch")


def _gate(experiment: ExperimentSummary) -> str:
    diagnostics = experiment.training.best.diagnostics
    mean, spread = np.array(diagnostics.gate_mean), np.array(diagnostics.gate_spread)
    order = np.argsort(mean, kind="stable")
    mean, spread = mean[order], spread[order]
    channels = np.arange(1, len(mean) + 1)
    colour = EXPERIMENT_COLOURS[experiment.name]

    def paint(axis: Axes) -> None:
        axis.fill_between(
            channels,
            np.maximum(mean - spread, 0),
            np.minimum(mean + spread, 1),
            color=colour,
            alpha=0.25,
            linewidth=0,
        )
        axis.plot(channels, mean, color=colour)
        axis.axhline(0.5, color=INK, linewidth=0.6, linestyle=":")
        axis.set_ylim(0, 1)
        axis.set_yticks([0, 0.5, 1], ["MIDI", "even", "audio"])
        axis.set_xlabel("channel, by its mean")
        axis.set_title(f"gate of {experiment.name}")

    return panel(paint, title=f"gate of {experiment.name} over channels")
