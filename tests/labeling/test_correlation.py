"""Correlations of clustered pairs: r itself, and bounds that know of clusters."""

import numpy as np
import pytest

from degradation.seeds import stream
from labeling.correlation import clustered_correlation


def pairs(n: int, slope: float, seed: int) -> np.ndarray:
    rng = stream(seed, "pairs")
    x = rng.normal(size=n)
    return np.stack([x, slope * x + rng.normal(size=n)], axis=1)


def test_r_is_pearsons() -> None:
    table = pairs(50, 0.7, 1)
    found = clustered_correlation(table, [str(at % 5) for at in range(50)], stream(0, "b"))
    assert found.r == pytest.approx(np.corrcoef(table.T)[0, 1])
    assert found.low < found.r < found.high
    assert found.n == 50


def test_pairs_that_come_in_copies_are_no_more_certain() -> None:
    """Ten copies of each pair as one cluster: the interval stays that of the single pairs."""
    table = pairs(40, 0.5, 2)
    names = [str(at) for at in range(40)]
    single = clustered_correlation(table, names, stream(0, "b"))
    copies = clustered_correlation(np.repeat(table, 10, axis=0), [
        name for name in names for _ in range(10)
    ], stream(0, "b"))  # fmt: skip
    assert copies.high - copies.low == pytest.approx(single.high - single.low, rel=0.05)


def test_what_does_not_vary_has_no_correlation_and_one_cluster_no_bounds() -> None:
    flat = np.stack([np.ones(10), np.arange(10.0)], axis=1)
    assert np.isnan(clustered_correlation(flat, ["a", "b"] * 5, stream(0, "b")).r)
    alone = clustered_correlation(pairs(10, 1, 3), ["a"] * 10, stream(0, "b"))
    assert np.isfinite(alone.r)
    assert np.isnan([alone.low, alone.high]).all()
    assert not alone.excludes_zero
