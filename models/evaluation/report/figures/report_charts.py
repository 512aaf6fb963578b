"""The line charts of a report."""

from collections.abc import Sequence

from markupsafe import Markup

from models.evaluation.counterfactuals.families import FACTORS
from models.evaluation.report.document import ModelResult, Report
from models.evaluation.report.figures.line_chart import Line, line_chart
from models.evaluation.report.figures.palette import EXPERIMENT_COLOURS
from models.evaluation.report.formats import plain


def loss_charts(report: Report) -> list[Markup]:
    """Return Huber's loss of each model in training and validation, and the mean r of all."""
    highest = max(
        loss
        for one in report.models
        for epoch in one.training.epochs
        for loss in (epoch.train_huber, epoch.val_loss)
    )
    charts = [_losses(one, highest) for one in report.models]
    lines = [
        Line(
            colour=EXPERIMENT_COLOURS[one.name],
            x=[epoch.epoch for epoch in one.training.epochs],
            y=[epoch.mean_r for epoch in one.training.epochs],
            marked=one.training.kept_epoch,
        )
        for one in report.models
    ]
    return [*charts, line_chart("all: mean r, validation", lines, x_label="epoch", y_to=1)]


def _losses(model: ModelResult, highest: float) -> Markup:
    epochs = model.training.epochs
    x = [one.epoch for one in epochs]
    training = Line(colour="grey", x=x, y=[one.train_huber for one in epochs], dashed=True)
    validation = Line(
        colour=EXPERIMENT_COLOURS[model.name],
        x=x,
        y=[one.val_loss for one in epochs],
        marked=model.training.kept_epoch,
    )
    lines = [training, validation]
    return line_chart(f"{model.name}: Huber loss", lines, x_label="epoch", y_from=0, y_to=highest)


def fusion_charts(report: Report) -> list[Markup]:
    """Return audio's share of the norm by epoch, and the channels of each gate."""
    shares = [
        Line(
            colour=EXPERIMENT_COLOURS[one.name],
            x=[epoch.epoch for epoch in one.training.epochs],
            y=[epoch.audio_share for epoch in one.training.epochs],
            marked=one.training.kept_epoch,
        )
        for one in report.fusions
    ]
    title = "audio's share of the fused norm"
    charts = [line_chart(title, shares, x_label="epoch", y_from=0, y_to=1, guide=0.5)]
    return charts + [_gate(one) for one in report.fusions if one.fusion and one.fusion.gate]


def _gate(model: ModelResult) -> Markup:
    if model.fusion is None or model.fusion.gate is None:
        raise ValueError(f"{model.name} has no gate to draw")
    channels = sorted(zip(model.fusion.gate.means, model.fusion.gate.spreads, strict=True))
    means = [mean for mean, _ in channels]
    line = Line(
        colour=EXPERIMENT_COLOURS[model.name],
        x=range(1, len(means) + 1),
        y=means,
        band=(
            [max(mean - spread, 0) for mean, spread in channels],
            [min(mean + spread, 1) for mean, spread in channels],
        ),
    )
    title = f"{model.name}: gate, 1 is audio"
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
