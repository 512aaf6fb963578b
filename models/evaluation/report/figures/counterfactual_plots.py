"""What the counterfactual set shows, in pictures drawn from the content of `report.json`."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from models.evaluation.report.figures.drawing import GREY, INK, Key, panel
from models.evaluation.report.figures.heat_map import paint_heat_map
from models.evaluation.report.figures.plots import EXPERIMENT_COLOURS
from models.evaluation.report.formats import number, percent, plain
from models.evaluation.report.tables import Content

OWN_COLOUR, OVERALL_COLOUR = "#d1495b", "#4f86c6"
DIMENSION_KEYS = [
    Key("the factor's own dimension", OWN_COLOUR),
    Key("overall interpretation", OVERALL_COLOUR),
    Key("other dimensions", GREY),
]


def model_keys(report: Content) -> list[Key]:
    """Return the colours of the models that graded the set."""
    return [Key(name, EXPERIMENT_COLOURS[name]) for name in _models(report)]


def _models(report: Content) -> Any:
    return report["counterfactual"]["models"] if report["counterfactual"] else {}


def plot_own_curves(report: Content) -> list[str]:
    """Return each factor's own score along its doses, of every model, beside the labels."""
    return [
        _own_curve(report, place) for place in range(len(report["factors"]) * bool(_models(report)))
    ]


def _own_curve(report: Content, place: int) -> str:
    found, factor = report["counterfactual"], plain(report["factors"][place])
    places = range(len(found["doses_jnd"]))

    def along(curve: Any) -> list[float]:
        return [one[place] for one in curve[place]]

    def paint(axis: Axes) -> None:
        labels = along(found["labels"]["doses"]["curve"]["mean"])
        axis.plot(places, labels, "--", color=INK, linewidth=1)
        for name, model in found["models"].items():
            curve, colour = model["doses"]["curve"], EXPERIMENT_COLOURS[name]
            low, high = (np.array(along(curve[end]), np.float64) for end in ("low", "high"))
            axis.fill_between(places, low, high, color=colour, alpha=0.18, linewidth=0)
            axis.plot(places, along(curve["mean"]), ".-", color=colour)
        _dose_axis(axis, found["doses_jnd"])
        axis.set_title(factor)

    return panel(paint, title=f"{factor} along its factor, {report['data']['recipe']}")


def _dose_axis(axis: Axes, doses_jnd: Any) -> None:
    axis.set_xticks(range(len(doses_jnd)), [f"{dose:g}" for dose in doses_jnd])
    axis.set_xlabel("severity, JND")
    axis.set_ylabel("score")
    # The whole scale, or a movement of a tenth of a point would look like one.
    low, high = axis.get_ylim()
    axis.set_ylim(min(low, 48), max(high, 102))


def plot_all_curves(report: Content) -> list[str]:
    """Return all eight scores of the best model along each factor's doses."""
    if report["best"] not in _models(report):
        return []
    return [_all_curves(report, place) for place in range(len(report["factors"]))]


def _all_curves(report: Content, place: int) -> str:
    found, factor = report["counterfactual"], plain(report["factors"][place])
    curve = found["models"][report["best"]]["doses"]["curve"]["mean"][place]
    last = len(report["dimensions"]) - 1

    def paint(axis: Axes) -> None:
        for dimension in sorted(range(last + 1), key=lambda one: (one == place, one == last)):
            colour = {place: OWN_COLOUR, last: OVERALL_COLOUR}.get(dimension, GREY)
            axis.plot(
                range(len(curve)),
                [scores[dimension] for scores in curve],
                color=colour,
                linewidth=1.8 if colour != GREY else 0.9,
            )
        _dose_axis(axis, found["doses_jnd"])
        axis.set_title(f"{factor} gets worse")

    return panel(
        paint, title=f"all scores of the best model along {factor}, {report['data']['recipe']}"
    )


def _matrix(report: Content, table: Any, name: str, *, signed: bool, high: float) -> str:
    def cell(value: float | None) -> str:
        if value is None:
            return "–"
        return number(value, 1) if signed else percent(value).removesuffix(" %")

    def paint(axis: Axes) -> None:
        paint_heat_map(
            axis,
            table,
            [[cell(value) for value in row] for row in table],
            rows=[plain(factor) for factor in report["factors"]],
            columns=[plain(dimension) for dimension in report["dimensions"]],
            colours="RdBu" if signed else "PiYG",
            low=-high if signed else 0,
            high=high,
        )
        axis.set_title(name)
        axis.set_ylabel("factor that is damaged")

    what = "movement" if signed else "monotone steps"
    title = f"{what} by factor and dimension, {name}, {report['data']['recipe']}"
    return panel(paint, title=title, width_in=4.8, height_in=3.7)


def plot_movement(report: Content) -> list[str]:
    """Return the labels' and each model's change, factors by dimensions, on one scale."""
    if not _models(report):
        return []
    found = report["counterfactual"]
    tables = {"labels": found["labels"]["factor_effects"]["change"]} | {
        name: model["factor_effects"]["change"] for name, model in found["models"].items()
    }
    largest = max(
        abs(value)
        for table in tables.values()
        for row in table
        for value in row
        if value is not None
    )
    return [
        _matrix(report, table, name, signed=True, high=largest or 1.0)
        for name, table in tables.items()
    ]


def plot_monotone(report: Content) -> list[str]:
    """Return each model's share of steps at which the score falls, factors by dimensions."""
    return [
        _matrix(report, model["doses"]["monotone"], name, signed=False, high=1.0)
        for name, model in _models(report).items()
    ]


def plot_leaning(report: Content) -> list[str]:
    """Return how the fusions' shares and gates follow each factor, with intervals."""
    figures = {"audio_share": "audio's share of the norm", "gate": "gate (1 is audio)"}
    return [
        _leaning(report, figure, words)
        for figure, words in figures.items()
        if any(figure in model["modality_reliance"] for model in _models(report).values())
    ]


def _leaning(report: Content, figure: str, words: str) -> str:
    found = {
        name: model["modality_reliance"][figure]
        for name, model in _models(report).items()
        if figure in model["modality_reliance"]
    }

    def paint(axis: Axes) -> None:
        axis.axvline(0, color=INK, linewidth=0.6, linestyle=":")
        for number_, (name, one) in enumerate(found.items()):
            colour = EXPERIMENT_COLOURS[name]
            for place, change in enumerate(one["change"]):
                row = place + 0.22 * (number_ - (len(found) - 1) / 2)
                ends = (one["low"][place], one["high"][place])
                if None not in ends:
                    axis.plot(ends, [row, row], color=colour, linewidth=2, alpha=0.5)
                if change is not None:
                    axis.plot(change, row, "o", color=colour)
        axis.set_yticks(range(len(report["factors"])), [plain(one) for one in report["factors"]])
        axis.set_ylim(len(report["factors"]) - 0.5, -0.5)
        axis.tick_params(axis="y", length=0)
        axis.set_xlabel(f"change at {report['counterfactual']['reference_jnd']:g} JND")
        axis.set_title(words)

    return panel(
        paint, title=f"{words} by factor, {report['data']['recipe']}", width_in=4.8, height_in=2.9
    )
