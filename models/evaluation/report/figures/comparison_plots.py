"""The best fusion against the best single modality, and tiers told apart, in pictures.

Drawn from the content of `report.json`, so that a page of several recipes has them too.
"""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from models.evaluation.report.figures.drawing import GREY, INK, panel
from models.evaluation.report.figures.heat_map import paint_heat_map
from models.evaluation.report.figures.plots import EXPERIMENT_COLOURS
from models.evaluation.report.formats import percent, plain
from models.evaluation.report.tables import Content


def plot_differences(report: Content) -> list[str]:
    """Return the difference in r, dimension by dimension and on the mean, with intervals.

    Nothing where no interval can be had or there is nothing to compare.
    """
    pairs = report["pairs"]
    if not pairs or pairs["mean"]["interval"]["low"] is None:
        return []
    rows = [(plain(one["dimension"]), one) for one in pairs["dimensions"]]
    rows.append(("mean", pairs["mean"] | {"winner": None}))

    def paint(axis: Axes) -> None:
        axis.axvline(0, color=INK, linewidth=0.6, linestyle=":")
        for place, (_, one) in enumerate(rows):
            colour: Any = EXPERIMENT_COLOURS[one["winner"]] if one["winner"] else GREY
            if place == len(rows) - 1:
                colour = INK
            if None not in one["interval"].values():
                ends = [one["interval"]["low"], one["interval"]["high"]]
                axis.plot(ends, [place, place], color=colour, linewidth=2.4, alpha=0.5)
            if one["difference"] is not None:
                axis.plot(one["difference"], place, "o", color=colour, markersize=5)
        axis.set_yticks(range(len(rows)), [name for name, _ in rows])
        axis.set_ylim(len(rows) - 0.5, -0.5)
        axis.tick_params(axis="y", length=0)
        axis.xaxis.set_major_locator(MaxNLocator(5))  # labels of small differences are long
        axis.set_xlabel("r of the best fusion less r of the best single modality")

    title = f"difference between best fusion and best single modality, {report['data']['recipe']}"
    return [panel(paint, title=title, width_in=5.2, height_in=2.9)]


def plot_confusions(report: Content) -> list[str]:
    """Return the share of each true tier's samples by predicted tier, a panel an experiment."""
    return [_confusion(found, report["data"]["recipe"]) for found in report["experiments"]]


def _confusion(found: Content, recipe: str) -> str:
    confusion = found["confusion"]
    shares = [
        [count / sum(row) if sum(row) else None for count in row] for row in confusion["counts"]
    ]

    def paint(axis: Axes) -> None:
        paint_heat_map(
            axis,
            shares,
            [["" if share is None else percent(share) for share in row] for row in shares],
            rows=confusion["tiers"],
            columns=confusion["tiers"],
            colours="Blues",
            low=0,
            high=1,
        )
        axis.set_title(f"{found['name']}: {percent(confusion['accuracy'])} right")
        axis.set_ylabel("true tier")
        axis.set_xlabel("predicted tier")

    return panel(paint, title=f"tier confusion of {found['name']}, {recipe}", height_in=2.9)
