"""Agreement of raters: intraclass correlations and split halves, for any number of raters.

One-way random effects: each target has its own raters, as in listening studies where a few of many
listeners rate a clip (Shrout & Fleiss 1979, case 1).
"""

import numpy as np
from numpy.typing import NDArray

from labeling.statistics import pearson_r

FloatArray = NDArray[np.float64]


def intraclass(target: NDArray[np.integer], rating: FloatArray) -> tuple[float, float, float]:
    """Return ICC(1), ICC(k), and k: the raters a target has, on average.

    `target` and `rating` have shape (n,): which target a rating is of, and the rating; NaN was
    not given. ICC(1) = (B - W) / (B + (k - 1) W) and ICC(k) = (B - W) / B of the mean squares
    between and within targets (Shrout & Fleiss 1979). Where targets have different numbers of
    raters, k = (n - Σnᵢ² / n) / (targets - 1), as in an unbalanced analysis of variance.
    Raises ValueError with fewer than two targets, or without a target that was rated twice.
    """
    given = ~np.isnan(rating)
    _, of = np.unique(target[given], return_inverse=True)
    value = rating[given]
    counts = np.bincount(of).astype(np.float64)
    n, targets = len(value), len(counts)
    if targets < 2 or n <= targets:
        raise ValueError(
            f"expected two targets or more, and one that was rated twice; got {n} ratings of "
            f"{targets} targets"
        )
    means = np.bincount(of, weights=value) / counts
    between = float(np.sum(counts * (means - value.mean()) ** 2) / (targets - 1))
    within = float(np.sum((value - means[of]) ** 2) / (n - targets))
    raters = float((n - np.sum(counts**2) / n) / (targets - 1))
    if between == 0:
        return float("nan"), float("nan"), raters
    return (
        (between - within) / (between + (raters - 1) * within),
        (between - within) / between,
        raters,
    )


def split_half(
    target: NDArray[np.integer],
    rating: FloatArray,
    *,
    halves: int,
    rng: np.random.Generator,
) -> float:
    """Return Pearson's r of the means of two halves of each target's raters.

    The mean over `halves` random splits; targets rated fewer than twice are left out. It is the
    reliability of half the raters: by Spearman-Brown, 2r / (1 + r) is that of all. NaN where
    nothing varies. Arrays as in `intraclass`.
    """
    given = ~np.isnan(rating)
    _, of, counts = np.unique(target[given], return_inverse=True, return_counts=True)
    rated_twice = counts >= 2
    found = []
    for _ in range(halves):
        # Raters in random order within each target, assigned to the halves in turn.
        order = np.lexsort((rng.random(len(of)), of))
        place = np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
        value, owner = rating[given][order], of[order]
        half = [
            np.bincount(owner, weights=value * (place % 2 == side), minlength=len(counts))
            / np.maximum(np.bincount(owner, weights=place % 2 == side, minlength=len(counts)), 1)
            for side in (0, 1)
        ]
        found.append(pearson_r(half[0][rated_twice], half[1][rated_twice]))
    return float(np.mean(found))
