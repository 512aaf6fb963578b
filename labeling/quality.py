"""How good the labeling functions are without human ratings.

Readings have one row for each sample and function, with the columns sample_id, segment_id,
composition, function, score (missing if it abstained) and abstention (the reason). Damage has one
row for each sample: sample_id, and a numeric column for each measure.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from degradation.seeds import stream
from labeling.statistics import clustered_correlation

END_POINTS = 1.0
"""A score this close to 0 or 100 counts as at the end of its scale."""

CORRELATION_COLUMNS = (
    "function", "measure", "n", "n_segments", "n_compositions",
    "pooled_rho", "pooled_low", "pooled_high", "within_rho", "within_low", "within_high",
)  # fmt: skip

FloatArray = NDArray[np.float64]


def assess_labels(
    readings: pd.DataFrame, damage: pd.DataFrame, *, seed: int
) -> dict[str, pd.DataFrame]:
    """Return every table of quality by name; `seed` is for `correlate_with_damage`."""
    return {
        "coverage": measure_coverage(readings),
        "abstentions": count_abstentions(readings),
        "spread": measure_spread(readings),
        "correlation": correlate_functions(readings).rename_axis("function").reset_index(),
        "conflict": measure_conflict(readings),
        "damage_correlation": correlate_with_damage(readings, damage, seed=seed),
    }


def measure_coverage(readings: pd.DataFrame) -> pd.DataFrame:
    """Return function, n_samples, n_scored, and coverage: the share of samples that has a score."""
    scored = readings.groupby("function", sort=False)["score"]
    table = pd.DataFrame({"n_samples": scored.size(), "n_scored": scored.count()})
    table["coverage"] = table["n_scored"] / table["n_samples"]
    return table.reset_index()


def count_abstentions(readings: pd.DataFrame) -> pd.DataFrame:
    """Return function, abstention (the reason), n_samples, share of the function's samples."""
    samples = readings.groupby("function")["sample_id"].size().rename("of")
    abstained = readings[readings["score"].isna()]
    counts = abstained.groupby(["function", "abstention"], as_index=False, sort=False).agg(
        n_samples=("sample_id", "size")
    )
    table = counts.merge(samples, left_on="function", right_index=True)
    table["share"] = table["n_samples"] / table["of"]
    return table.drop(columns="of").reset_index(drop=True)


def measure_spread(readings: pd.DataFrame) -> pd.DataFrame:
    """Return function, n, mean, sd, median, iqr of the score, and share_at_ends (0 or 100)."""
    rows = []
    for function, group in readings.dropna(subset="score").groupby("function", sort=False):
        score = group["score"].to_numpy(dtype=np.float64)
        lower, median, upper = np.quantile(score, [0.25, 0.5, 0.75])
        at_ends = (score <= END_POINTS) | (score >= 100 - END_POINTS)
        sd = score.std(ddof=1) if len(score) > 1 else np.nan
        iqr, ends = upper - lower, at_ends.mean()
        rows.append((function, len(score), score.mean(), sd, median, iqr, ends))
    columns = ["function", "n", "mean", "sd", "median", "iqr", "share_at_ends"]
    return pd.DataFrame(rows, columns=columns)


def correlate_functions(readings: pd.DataFrame) -> pd.DataFrame:
    """Return Spearman's rho between the functions' scores, functions × functions.

    Each pair over the samples that both scored; missing below 3 of them or where one is constant.
    """
    return _wide_scores(readings).corr(method="spearman", min_periods=3)


def measure_conflict(readings: pd.DataFrame) -> pd.DataFrame:
    """Return how often two functions vote against each other, a row a pair.

    A function votes for samples in the upper third of its own scores and against those in the
    lower third. Columns: first, second, n (samples that both scored), conflict (share of them with
    one vote for and one against), by_chance (the same if the two were independent).
    """
    wide = _wide_scores(readings)
    scores = wide.to_numpy(dtype=np.float64)
    rows = []
    for first in range(scores.shape[1]):
        for second in range(first + 1, scores.shape[1]):
            both = scores[~np.isnan(scores[:, [first, second]]).any(axis=1)]
            votes = [_votes(scores[:, column], both[:, column]) for column in (first, second)]
            favour, against = ([vote == side for vote in votes] for side in (1, -1))
            conflict = by_chance = np.nan
            if len(both):
                conflict = (votes[0] * votes[1] == -1).mean()
                by_chance = (
                    favour[0].mean() * against[1].mean() + against[0].mean() * favour[1].mean()
                )
            names = wide.columns[[first, second]]
            rows.append((*names, len(both), conflict, by_chance))
    return pd.DataFrame(rows, columns=["first", "second", "n", "conflict", "by_chance"])


def correlate_with_damage(
    readings: pd.DataFrame, damage: pd.DataFrame, *, seed: int
) -> pd.DataFrame:
    """Return how each function's score correlates with each measure of damage.

    One row per function and measure, with the columns

    - function, measure, n (samples), n_segments, n_compositions;
    - pooled_rho, pooled_low, pooled_high: Spearman's rho over all samples;
    - within_rho, within_low, within_high: the same after each segment's mean rank is subtracted
      from score and damage, so that the music itself cannot explain it. Segments with one sample
      are left out.

    The bounds are from a 95 % bootstrap of whole compositions that keeps the ranks of the full
    table. They are missing with one composition; rho is missing where nothing varies.

    Where a recipe combines damages, a function correlates also with those that it does not measure.
    """
    measures = [name for name in damage.columns if name != "sample_id"]
    joined = readings.dropna(subset="score").merge(damage, on="sample_id", validate="many_to_one")
    rows = []
    for function, group in joined.groupby("function", sort=False):
        for measure in measures:
            found = group.dropna(subset=measure)
            about = [function, measure, len(found)]
            about += [found[name].nunique() for name in ("segment_id", "composition")]
            rng = stream(seed, "label_quality", str(function), measure)
            repeated = found[found.groupby("segment_id")["sample_id"].transform("size") > 1]
            for name, table in (("pooled", found), ("within", repeated)):
                ranks = table[["score", measure]].rank()
                if name == "within":
                    ranks = ranks - ranks.groupby(table["segment_id"]).transform("mean")
                rho = clustered_correlation(
                    ranks.to_numpy(dtype=np.float64), table["composition"], rng
                )
                about += [rho.r, rho.low, rho.high]
            rows.append(about)
    return pd.DataFrame(rows, columns=CORRELATION_COLUMNS)


def _wide_scores(readings: pd.DataFrame) -> pd.DataFrame:
    """Return scores as samples × functions, the functions in their order of appearance."""
    wide = readings.pivot(index="sample_id", columns="function", values="score")
    return wide[readings["function"].drop_duplicates()].astype(np.float64)


def _votes(all_scores: FloatArray, scores: FloatArray) -> FloatArray:
    """Return 1, 0 or -1 a score: in the upper, middle or lower third of all of the function's."""
    lower, upper = np.nanquantile(all_scores, [1 / 3, 2 / 3]) if len(scores) else (0.0, 0.0)
    return (scores > upper).astype(np.float64) - (scores < lower)
