"""The line charts of a report."""

from collections.abc import Callable, Sequence

from markupsafe import Markup

from models.config.experiment import Experiment
from models.evaluation.counterfactuals.families import FACTORS
from models.evaluation.report.document import Epoch, ModelResult, Report
from models.evaluation.report.figures.line_chart import Line, line_chart
from models.evaluation.report.figures.palette import EXPERIMENT_COLOURS
from models.evaluation.report.formats import plain


def loss_charts(report: Report) -> list[Markup]:
    """Return Huber's loss of each model in training and validation, and the mean r of all."""
    epochs = [epoch for one in report.models for epoch in one.training.epochs]
    highest = max(max(epoch.train_huber, epoch.val_loss) for epoch in epochs)
    charts = []
    for one in report.models:
        x = [epoch.epoch for epoch in one.training.epochs]
        losses = [epoch.train_huber for epoch in one.training.epochs]
        training = Line(colour="grey", x=x, y=losses, dashed=True)
        lines = [training, _by_epoch(one, lambda epoch: epoch.val_loss)]
        title = f"{one.name}: Huber loss"
        charts.append(line_chart(title, lines, x_label="epoch", y_from=0, y_to=highest))
    lines = [_by_epoch(one, lambda epoch: epoch.mean_r) for one in report.models]
    return [*charts, line_chart("all: mean r, validation", lines, x_label="epoch", y_to=1)]


def _by_epoch(model: ModelResult, figure: Callable[[Epoch], float | None]) -> Line:
    epochs = model.training.epochs
    return Line(
        colour=EXPERIMENT_COLOURS[model.name],
        x=[one.epoch for one in epochs],
        y=[figure(one) for one in epochs],
        marked=model.training.kept_epoch,
    )


def fusion_charts(report: Report) -> list[Markup]:
    """Return audio's share of the norm by epoch, and the channels of each gate."""
    shares = [_by_epoch(one, lambda epoch: epoch.audio_share) for one in report.fusions]
    title = "audio's share of the fused norm"
    charts = [line_chart(title, shares, x_label="epoch", y_from=0, y_to=1, guide=0.5)]
    return charts + [
        _gate(one.name, one.fusion.gate_mean, one.fusion.gate_spread)
        for one in report.fusions
        if one.fusion and one.fusion.gate_mean and one.fusion.gate_spread
    ]


def _gate(name: Experiment, means: Sequence[float], spreads: Sequence[float]) -> Markup:
    channels = sorted(zip(means, spreads, strict=True))
    line = Line(
        colour=EXPERIMENT_COLOURS[name],
        x=range(1, len(means) + 1),
        y=[mean for mean, _ in channels],
        band=(
            [max(mean - spread, 0) for mean, spread in channels],
            [min(mean + spread, 1) for mean, spread in channels],
        ),
    )
    title = f"{name}: gate, 1 is audio"
    return line_chart(title, [line], x_label="channel, sorted", y_from=0, y_to=1, guide=0.5)


def dose_charts(report: Report) -> list[Markup]:
    """Return each factor's own score along its doses, of every model, beside the labels."""
    found = report.counterfactual
    if found is None:
        return []
    places = range(len(found.doses_jnd))
    ticks = [(place, f"{dose:g}") for place, dose in zip(places, found.doses_jnd, strict=True)]
    charts = []
    for factor, name in enumerate(FACTORS):

        def along(table: Sequence[Sequence[Sequence[float]]], own: int = factor) -> list[float]:
            return [row[own] for row in table[own]]

        label = along(found.labels.doses.curve.mean)
        lines = [Line(colour="currentColor", x=places, y=label, dashed=True)]
        for model, response in found.models.items():
            curve = response.doses.curve
            band = (along(curve.low), along(curve.high)) if report.enough_pieces else None
            colour = EXPERIMENT_COLOURS[model]
            lines.append(Line(colour=colour, x=places, y=along(curve.mean), band=band))
        charts.append(
            line_chart(
                plain(name), lines, x_label="severity, JND", x_ticks=ticks, y_from=50, y_to=100
            )
        )
    return charts
