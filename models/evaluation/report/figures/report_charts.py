"""The charts of a report."""

from collections.abc import Callable, Sequence

from labeling.scores import DIMENSIONS
from models.config.experiment import SINGLES, Experiment
from models.evaluation.counterfactuals.families import FACTORS
from models.evaluation.report.document import ModelResult, Report
from models.evaluation.report.figures.line_chart import Line, LineChart
from models.evaluation.report.figures.palette import EXPERIMENT_COLOURS
from models.evaluation.report.formats import plain
from models.training.history import EpochRecord


def all_charts(report: Report) -> list[LineChart]:
    """Return every chart of the page, beginning with the figure that it opens with."""
    if not report.models:
        return []
    charts = [overview_chart(report), *loss_charts(report), *sound_charts(report)]
    return [*charts, *fusion_charts(report), *dose_charts(report)]


def overview_chart(report: Report) -> LineChart:
    """Return the mean r of every model beside the label ceiling and predicting the mean."""
    ends = (-0.5, len(report.models) - 0.5)
    lines = [
        Line(name=name, colour=colour, x=ends, y=[beside.mean_r] * 2, dashed=True)
        for name, colour, beside in (
            ("label ceiling", "currentColor", report.ceiling),
            ("predicting the mean", "grey", report.baseline),
        )
    ]
    for place, one in enumerate(report.models):
        around = one.intervals.mean_r
        band = ([around.low], [around.high]) if report.enough_pieces else None
        colour = EXPERIMENT_COLOURS[one.name]
        r = [one.agreement.mean_r]
        lines.append(Line(name=one.name, colour=colour, x=[place], y=r, band=band))
    ticks = [(place, one.name) for place, one in enumerate(report.models)]
    title = f"mean r, {report.data.split} split"
    return LineChart(title=title, lines=lines, x_label="", x_ticks=ticks, y_to=1)


def loss_charts(report: Report) -> list[LineChart]:
    """Return Huber's loss of each model in training and validation, and the mean r of all."""
    trained = {one.name: plain_huber(one, report.settings.huber_weight) for one in report.models}
    validated = [epoch.val_loss for one in report.models for epoch in one.training.epochs]
    highest = max(validated + [loss for losses in trained.values() for loss in losses])
    charts = []
    for one in report.models:
        validation = _by_epoch(one, lambda epoch: epoch.val_loss, "validation")
        training = Line(
            name="training", colour="grey", x=validation.x, y=trained[one.name], dashed=True
        )
        lines = [training, validation]
        title = f"{one.name}: Huber loss"
        charts.append(LineChart(title=title, lines=lines, x_label="epoch", y_from=0, y_to=highest))
    lines = [_by_epoch(one, lambda epoch: epoch.mean_r) for one in report.models]
    title = "all: mean r, validation"
    return [*charts, LineChart(title=title, lines=lines, x_label="epoch", y_to=1)]


def plain_huber(model: ModelResult, weight: float) -> list[float]:
    """Return Huber's loss in training without weights, by epoch, in the units of `val_loss`.

    It is logged where label density or uncertainty weighting change the term; elsewhere it is the
    term over its `weight` in the experiment file.
    """
    return [
        one.logged.get("huber_plain", one.terms["huber"] / weight) for one in model.training.epochs
    ]


def _by_epoch(
    model: ModelResult, figure: Callable[[EpochRecord], float | None], name: str = ""
) -> Line:
    history = model.training.epochs
    return Line(
        name=name or model.name,
        colour=EXPERIMENT_COLOURS[model.name],
        x=[one.epoch for one in history],
        y=[figure(one) for one in history],
        marked=model.training.best.epoch,
    )


def sound_charts(report: Report) -> list[LineChart]:
    """Return r of each modality alone and what the best fusion gains over MIDI, by dimension."""
    pair, gains = report.fusion_pair, report.sound_gains
    if pair is None or not gains:
        return []
    places = range(len(gains))
    lines = [
        Line(name=one.name, colour=EXPERIMENT_COLOURS[one.name], x=places, y=one.agreement.r)
        for one in report.models
        if one.name in SINGLES.values()
    ]
    around = ([one.interval.low for one in gains], [one.interval.high for one in gains])
    gained = Line(
        name=f"gain of {pair.fusion} over midi_only",
        colour=EXPERIMENT_COLOURS[pair.fusion],
        x=places,
        y=[one.mean_r for one in gains],
        band=around if report.enough_pieces else None,
    )
    ticks = [(place, plain(name)) for place, name in enumerate(DIMENSIONS)]
    title = "Which dimension needs sound"
    return [
        LineChart(
            title=title, lines=[*lines, gained], x_label="r", x_ticks=ticks, guide=0, in_rows=True
        )
    ]


def fusion_charts(report: Report) -> list[LineChart]:
    """Return audio's share of the norm by epoch, and the channels of each gate; no empty chart."""
    if not report.fusions:
        return []
    shares = [_by_epoch(one, lambda epoch: epoch.diagnostics.audio_share) for one in report.fusions]
    title = "audio's share of the fused norm"
    charts = [LineChart(title=title, lines=shares, x_label="epoch", y_from=0, y_to=1, guide=0.5)]
    return charts + [
        _gate(one.name, kept.gate_mean, kept.gate_spread)
        for one in report.fusions
        for kept in [one.training.best.diagnostics]
        if kept.gate_mean and kept.gate_spread
    ]


def _gate(name: Experiment, means: Sequence[float], spreads: Sequence[float]) -> LineChart:
    channels = sorted(zip(means, spreads, strict=True))
    line = Line(
        name=name,
        colour=EXPERIMENT_COLOURS[name],
        x=range(1, len(means) + 1),
        y=[mean for mean, _ in channels],
        band=(
            [max(mean - spread, 0) for mean, spread in channels],
            [min(mean + spread, 1) for mean, spread in channels],
        ),
    )
    title = f"{name}: gate, 1 is audio"
    return LineChart(
        title=title, lines=[line], x_label="channel, sorted", y_from=0, y_to=1, guide=0.5
    )


def dose_charts(report: Report) -> list[LineChart]:
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
        lines = [Line(name="label", colour="currentColor", x=places, y=label, dashed=True)]
        for model, response in found.models.items():
            curve = response.doses.curve
            band = (along(curve.low), along(curve.high)) if report.enough_pieces else None
            colour = EXPERIMENT_COLOURS[model]
            lines.append(Line(name=model, colour=colour, x=places, y=along(curve.mean), band=band))
        charts.append(
            LineChart(
                title=plain(name),
                lines=lines,
                x_label="severity, JND",
                x_ticks=ticks,
                y_from=50,
                y_to=100,
            )
        )
    return charts
