"""The picture of the shortcut audit."""

import textwrap

from matplotlib.figure import Figure

from models.evaluation.audits.documents import ShortcutAudit
from models.evaluation.audits.thresholds import describe
from models.evaluation.report.figures.palette import TIER_COLOURS
from pipelines.pictures.png import DOTS_PER_INCH, WIDTH_INCHES, as_png

SHOWN_IMPORTANCES = 8
SETS = {
    "recording": "the row's sound and file",
    "dry": "its playing, without\ntreatment of the sound",
    "drawn": "what was drawn for\nthe recording",
    "notes": "counts of the notes",
}
BAR = "#35618f"
LIMIT = "#b2182b"


def probes_picture(audit: ShortcutAudit) -> bytes:
    """Return a PNG: balanced accuracy of each probe, and its most important statistics."""
    probes = audit.tiers
    figure = Figure(figsize=(WIDTH_INCHES, 7.0), dpi=DOTS_PER_INCH, layout="constrained")
    grid = figure.add_gridspec(2, len(probes), height_ratios=[1, 1.7])
    axis = figure.add_subplot(grid[0, :])
    names = [f"{probe.statistics}: {SETS[probe.statistics]}" for probe in probes]
    for row, probe in enumerate(probes):
        for tier, recall in probe.recall.items():
            axis.plot(
                recall, row + 0.28, "|", color=TIER_COLOURS[tier], markersize=9, markeredgewidth=3
            )
        axis.plot([probe.interval.low, probe.interval.high], [row, row], color=BAR, linewidth=4)
        axis.plot(probe.balanced_accuracy, row, "o", color=BAR, markersize=9)
        value = f"{probe.balanced_accuracy:.3f}"
        axis.annotate(
            value, (probe.balanced_accuracy, row), (0, 9), textcoords="offset points", ha="center"
        )
    axis.axvline(audit.chance, color="#888888", linestyle=":", label="chance")
    axis.axvline(audit.most_allowed, color=LIMIT, linestyle="--", label="threshold for recording")
    for tier, colour in TIER_COLOURS.items():
        axis.plot([], [], "|", color=colour, markersize=9, markeredgewidth=3, label=tier)
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.set_xlim(0, 1.02)
    axis.set_xlabel("balanced accuracy (dot), recall of each tier (ticks)")
    axis.legend(ncols=6, frameon=False, fontsize=9, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    axis.spines[["top", "right", "left"]].set_visible(False)
    widest = max(one.drop for probe in probes for one in probe.importances)
    for column, probe in enumerate(probes):
        below = figure.add_subplot(grid[1, column])
        best = sorted(probe.importances, key=lambda one: -one.drop)[:SHOWN_IMPORTANCES]
        below.barh(
            [one.statistic.replace("_", " ") for one in best],
            [one.drop for one in best],
            color=BAR,
        )
        below.invert_yaxis()
        below.set_xlim(min(0.0, min(one.drop for one in best)), max(widest, 0.01) * 1.05)
        below.set_title(probe.statistics, loc="left", fontweight="bold")
        below.set_xlabel("drop when shuffled", fontsize=9)
        below.spines[["top", "right"]].set_visible(False)
    title = textwrap.fill(f"{audit.threshold.verdict}: {describe(audit.threshold)}", 110)
    figure.suptitle(title, fontsize=13, parse_math=False)
    return as_png(figure)
