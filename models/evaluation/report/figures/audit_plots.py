"""What the audits of labels and shortcuts found, in pictures drawn from `report.json`."""

from matplotlib.axes import Axes

from labeling.scores import DIMENSIONS
from models.evaluation.report.figures.drawing import GREY, INK, panel
from models.evaluation.report.figures.heat_map import paint_heat_map
from models.evaluation.report.formats import number, plain
from models.evaluation.report.tables import Content

PROBE_COLOURS = {"recording": "#d1495b", "dry": "#4f86c6", "drawn": "#e9a03b", "notes": GREY}


def plot_audits(report: Content) -> list[str]:
    """Return the labels' correlations and what probes know of the tier, as far as audited."""
    panels = []
    if report["label_structure"]:
        panels.append(_correlations(report))
    if report["shortcut_audit"] and report["shortcut_audit"]["tiers"]:
        panels.append(_probes(report))
    return panels


def _correlations(report: Content) -> str:
    found = report["label_structure"]["shape"]
    names = [plain(dimension) for dimension in DIMENSIONS]

    def paint(axis: Axes) -> None:
        paint_heat_map(
            axis,
            found["correlation"],
            [[number(r, 2) for r in row] for row in found["correlation"]],
            rows=names,
            columns=names,
            colours="RdBu_r",
            low=-1,
            high=1,
        )
        axis.set_title("correlation of the labels")

    title = f"correlation of the labels, {report['data']['recipe']}"
    return panel(paint, title=title, width_in=4.8, height_in=3.9)


def _probes(report: Content) -> str:
    audit = report["shortcut_audit"]

    def paint(axis: Axes) -> None:
        for row, probe in enumerate(audit["tiers"]):
            colour = PROBE_COLOURS.get(probe["statistics"], GREY)
            ends = [probe["interval"]["low"], probe["interval"]["high"]]
            if None not in ends:
                axis.plot(ends, [row, row], color=colour, linewidth=3, alpha=0.45)
            axis.plot(probe["balanced_accuracy"], row, "o", color=colour, markersize=7)
        chance = 1 / len(audit["counts"])
        axis.axvline(chance, color=INK, linewidth=0.8, linestyle=":")
        axis.text(chance + 0.01, len(audit["tiers"]) - 0.55, "chance", va="bottom")
        axis.set_yticks(range(len(audit["tiers"])), [one["statistics"] for one in audit["tiers"]])
        axis.set_ylim(len(audit["tiers"]) - 0.5, -0.5)
        axis.set_xlim(0, 1.02)
        axis.set_xlabel("balanced accuracy of naming the tier")
        axis.set_title("what needs no listening")

    title = f"probes of the tier, {report['data']['recipe']}"
    return panel(paint, title=title, width_in=4.8, height_in=2.2)
