"""Pearson's r, and bounds of a bootstrap that redraws whole clusters."""

import numpy as np
import pytest

from degradation.seeds import stream
from labeling.statistics import (
    cluster_sums,
    clustered_correlation,
    pearson_of_sums,
    pearson_r,
    pearson_terms,
    resample_counts,
)


def pairs(n: int, slope: float, seed: int) -> np.ndarray:
    rng = stream(seed, "pairs")
    x = rng.normal(size=n)
    return np.stack([x, slope * x + rng.normal(size=n)], axis=1)


def test_constant_arrays_have_their_answers() -> None:
    flat, rising = np.full(5, 0.1), np.arange(5.0)
    assert pearson_r(rising, 3 - rising) == pytest.approx(-1)
    assert np.isnan(pearson_r(flat, rising, if_second_constant=0.0))
    assert np.isnan(pearson_r(rising, flat))
    assert pearson_r(rising, flat, if_second_constant=0.0) == 0
    assert np.isnan(pearson_r(rising[:1], rising[:1]))


def test_r_of_resampled_sums_is_that_of_the_resampled_rows() -> None:
    """Each redrawing, done by hand: the rows of each cluster as often as it was drawn."""
    table, names = pairs(30, 0.7, 1), np.array([f"piece {at % 4}" for at in range(30)])
    table[names == "piece 3", 1] = 0
    terms = pearson_terms(*(table - table.mean(axis=0)).T)
    counts = resample_counts(4, stream(0, "b"), draws=50)
    counts[0] = [0, 0, 0, 4]
    found = pearson_of_sums(counts @ cluster_sums(terms, names), if_second_constant=0.0)
    for drawn, r in zip(counts, found, strict=True):
        rows = np.concatenate(
            [np.tile(table[names == f"piece {at}"], (int(drawn[at]), 1)) for at in range(4)]
        )
        assert r == pytest.approx(pearson_r(*rows.T, if_second_constant=0.0))


def test_a_correlation_comes_with_its_bounds() -> None:
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
    copies = clustered_correlation(
        np.repeat(table, 10, axis=0), np.repeat(names, 10).tolist(), stream(0, "b")
    )
    assert copies.high - copies.low == pytest.approx(single.high - single.low, rel=0.05)


def test_what_does_not_vary_has_no_correlation_and_one_cluster_no_bounds() -> None:
    flat = np.stack([np.ones(10), np.arange(10.0)], axis=1)
    assert np.isnan(clustered_correlation(flat, ["a", "b"] * 5, stream(0, "b")).r)
    alone = clustered_correlation(pairs(10, 1, 3), ["a"] * 10, stream(0, "b"))
    assert np.isfinite(alone.r)
    assert np.isnan([alone.low, alone.high]).all()
