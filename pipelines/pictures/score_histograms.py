"""Histograms of the eight scores by tier."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from models.evaluation.report.figures.palette import TIER_COLOURS
from pipelines.pictures.png import DOTS_PER_INCH, WIDTH_INCHES, as_png

SCORE_BINS = np.arange(50.0, 100.1, 2.5)


def score_histograms(scores: pd.DataFrame, tiers: "pd.Series[str]") -> bytes:
    """Return a PNG of one histogram for each column of `scores`, stacked by the rows' tiers."""
    present = [tier for tier in TIER_COLOURS if (tiers == tier).any()]
    figure = Figure(figsize=(WIDTH_INCHES, 5.2), dpi=DOTS_PER_INCH, layout="constrained")
    axes = np.asarray(figure.subplots(2, 4, sharex=True, sharey=True))
    for axis, dimension in zip(axes.flat, scores.columns, strict=True):
        values = scores[dimension].to_numpy()
        axis.hist(
            [values[(tiers == tier).to_numpy()] for tier in present],
            bins=SCORE_BINS,
            stacked=True,
            color=[TIER_COLOURS[tier] for tier in present],
            edgecolor="white",
            linewidth=0.5,
        )
        axis.set_title(str(dimension).replace("_", " "), loc="left", fontsize=11)
        axis.set_xlim(50, 100)
        axis.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("score")
    figure.supylabel("samples")
    figure.legend(
        handles=[Patch(facecolor=TIER_COLOURS[tier], label=tier) for tier in present],
        loc="outside upper right",
        ncols=len(TIER_COLOURS),
        frameon=False,
    )
    return as_png(figure)
