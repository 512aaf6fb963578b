"""How the trainings went, epoch by epoch."""

from matplotlib.axes import Axes

from models.evaluation.report.figures.drawing import GREY, INK, Key, count_epochs, panel
from models.evaluation.report.figures.plots import EXPERIMENT_COLOURS
from models.evaluation.report.summary import ExperimentSummary, Summary
from models.training.history import EpochRecord

TERM_COLOURS = {
    "huber": "#4f86c6",
    "ranking": "#e09f3e",
    "contrastive": "#8d6cab",
    "coral": "#d1495b",
}
"""The terms of the loss, in the order in which they are shown."""


def plain_huber(record: EpochRecord, weight: float) -> float:
    """Return Huber's loss in training without any weighting, in the units of `val_loss`.

    It is told where LDS or uncertainty weighting change the term; elsewhere it is the term
    itself, but for the file's `weight`.
    """
    if "huber_plain" in record.told:
        return record.told["huber_plain"]
    return record.terms["huber"] / weight


def term_keys(summary: Summary) -> list[Key]:
    """Return the colours of the terms that some experiment was trained with."""
    there = {term for one in summary.experiments for term in one.training.best.terms}
    return [Key(term, colour) for term, colour in TERM_COLOURS.items() if term in there]


def plot_losses(summary: Summary) -> list[str]:
    """Return Huber's loss in training and validation, one panel an experiment, and mean r of all.

    The panels of the loss share their axis, so that experiments compare.
    """
    weight = summary.evaluation.config.loss.huber.weight
    highest = max(
        loss
        for one in summary.experiments
        for record in one.training.history
        for loss in (plain_huber(record, weight), record.val_loss)
    )
    return [*(_losses(one, weight, highest) for one in summary.experiments), _mean_r(summary)]


def _losses(experiment: ExperimentSummary, weight: float, highest: float) -> str:
    history, best = experiment.training.history, experiment.training.best
    colour = EXPERIMENT_COLOURS[experiment.name]

    def paint(axis: Axes) -> None:
        epochs = [r.epoch for r in history]
        axis.plot(epochs, [plain_huber(r, weight) for r in history], "--", color=GREY)
        axis.plot(epochs, [r.val_loss for r in history], color=colour)
        axis.plot(best.epoch, best.val_loss, "o", color=colour, markersize=6)
        axis.set_title(experiment.name)
        axis.set_ylabel("Huber loss")
        axis.set_ylim(0, 1.05 * highest)
        count_epochs(axis)

    return panel(paint, title=f"Huber loss of {experiment.name} by epoch")


def _mean_r(summary: Summary) -> str:
    def paint(axis: Axes) -> None:
        for one in summary.experiments:
            colour, history = EXPERIMENT_COLOURS[one.name], one.training.history
            axis.plot([r.epoch for r in history], [r.mean_r for r in history], color=colour)
            best = one.training.best
            axis.plot(best.epoch, best.mean_r, "o", color=colour, markersize=6)
        axis.set_title("all: mean r, validation")
        axis.set_ylabel("mean r")
        axis.set_ylim(top=1)
        count_epochs(axis)

    return panel(paint, title="mean r on the validation split by epoch")


def plot_terms(summary: Summary) -> list[str]:
    """Return the weighted terms of each experiment's training loss."""
    return [_terms(one) for one in summary.experiments]


def _terms(experiment: ExperimentSummary) -> str:
    history = experiment.training.history

    def paint(axis: Axes) -> None:
        epochs = [record.epoch for record in history]
        for term, colour in TERM_COLOURS.items():
            if term in history[0].terms:
                axis.plot(epochs, [r.terms[term] for r in history], ".-", color=colour)
        axis.axhline(0, color=INK, linewidth=0.6, linestyle=":")
        axis.set_title(experiment.name)
        axis.set_ylabel("weighted term")
        count_epochs(axis)

    return panel(paint, title=f"terms of the loss of {experiment.name} by epoch")
