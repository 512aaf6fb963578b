"""Histograms of the eight scores by tier."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from models.evaluation.report.figures.palette import TIER_COLOURS
from pipelines.pictures.png import DOTS_PER_INCH, as_png

SCORE_BINS = np.arange(50.0, 100.1, 2.5)


def label_histograms(scores: pd.DataFrame, tiers: "pd.Series[str]") -> bytes:
    """Return a PNG of eight histograms, one a dimension, stacked by tier from 50 to 100.

    `scores` has one column for each of the eight dimensions and one row a sample; `tiers`
    names the tier of each row. Raises ValueError for another number of columns or rows, and
    for a tier that has no colour.
    """
    if len(scores.columns) != 8 or len(tiers) != len(scores):
        raise ValueError(
            "scores must have 8 columns and one tier a row, "
            f"got {len(scores.columns)} columns, {len(scores)} rows and {len(tiers)} tiers"
        )
    if unknown := set(tiers) - set(TIER_COLOURS):
        raise ValueError(f"tiers must be among {list(TIER_COLOURS)}, got {sorted(unknown)}")
    present = [tier for tier in TIER_COLOURS if (tiers == tier).any()]
    figure = Figure(figsize=(12.4, 5.2), dpi=DOTS_PER_INCH, layout="constrained")
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
