import numpy as np
import pytest

from degradation.seeds import stream
from models.evaluation.agreement.resampling import (
    Interval,
    clustered_bootstrap,
    clustered_gain,
    clustered_levels,
    clustered_means,
    within_tier_r,
)
from models.metrics import agreement


def scores(rng: np.random.Generator, pieces: int, per_piece: int, piece_spread: float):
    clusters = [f"piece {i}" for i in range(pieces) for _ in range(per_piece)]
    true = rng.normal(75, 10, (len(clusters), 8))
    bias = rng.normal(0, piece_spread, (pieces, 1)).repeat(per_piece, axis=0)
    return true, true + bias + rng.normal(0, 5, true.shape), clusters


def test_against_the_bootstrap_done_by_hand() -> None:
    true, predicted, clusters = scores(np.random.default_rng(0), 6, 5, 4)
    found = clustered_bootstrap(true, predicted, clusters, seed=3, draws=200)
    times_drawn = stream(3, "clustered bootstrap").multinomial(6, np.full(6, 1 / 6), size=200)
    rows = np.arange(30).reshape(6, 5)
    by_hand = []
    for times in times_drawn:
        chosen = np.concatenate([np.tile(rows[i], count) for i, count in enumerate(times) if count])
        drawn = agreement(true[chosen], predicted[chosen])
        by_hand.append((drawn.mean_r, drawn.mean_mae))
    low, high = np.quantile(by_hand, [0.025, 0.975], axis=0)
    assert (found.mean_r.low, found.mean_mae.low) == pytest.approx(tuple(low))
    assert (found.mean_r.high, found.mean_mae.high) == pytest.approx(tuple(high))


def test_the_interval_holds_the_figure_and_follows_the_seed() -> None:
    true, predicted, clusters = scores(np.random.default_rng(1), 12, 10, 3)
    figure = agreement(true, predicted)
    found = clustered_bootstrap(true, predicted, clusters, seed=3)
    assert found.mean_r.low < figure.mean_r < found.mean_r.high
    assert found.mean_mae.low < figure.mean_mae < found.mean_mae.high
    assert found == clustered_bootstrap(true, predicted, clusters, seed=3)
    assert found != clustered_bootstrap(true, predicted, clusters, seed=4)


def test_alike_samples_widen_it() -> None:
    """When the error belongs to the piece, twelve pieces are twelve samples, not 240."""
    true, predicted, clusters = scores(np.random.default_rng(2), 12, 20, 8)
    by_piece = clustered_bootstrap(true, predicted, clusters, seed=0).mean_mae
    by_clip = clustered_bootstrap(
        true, predicted, [str(i) for i in range(len(true))], seed=0
    ).mean_mae
    assert by_piece.high - by_piece.low > 2 * (by_clip.high - by_clip.low)


def test_one_piece_has_no_interval() -> None:
    true, predicted, clusters = scores(np.random.default_rng(3), 1, 20, 1)
    found = clustered_bootstrap(true, predicted, clusters, seed=0)
    assert np.isnan([found.mean_r.low, found.mean_r.high]).all()


@pytest.mark.filterwarnings("error")
def test_a_truth_that_never_varies_has_no_r_and_no_interval_of_it() -> None:
    predicted = np.random.default_rng(0).normal(size=(20, 2))
    found = clustered_bootstrap(np.ones((20, 2)), predicted, ["a", "b"] * 10, seed=0)
    assert np.isnan([found.mean_r.low, found.mean_r.high]).all()
    assert found.mean_mae.low < found.mean_mae.high


@pytest.mark.filterwarnings("error")
def test_a_dimension_whose_truth_never_varies_is_left_out_of_the_mean_and_its_interval() -> None:
    true, predicted, clusters = scores(np.random.default_rng(9), 12, 10, 3)
    true[:, 3] = 100.0
    others = np.arange(8) != 3
    whole, part = (
        clustered_bootstrap(*pair, clusters, seed=0).mean_r
        for pair in ((true, predicted), (true[:, others], predicted[:, others]))
    )
    assert (whole.low, whole.high) == pytest.approx((part.low, part.high))
    gain = clustered_gain(true, true, predicted, clusters, seed=0)
    assert gain.interval.low < gain.mean_r < gain.interval.high


@pytest.mark.parametrize(("varied", "known"), [(1, False), (2, False), (4, True)])
def test_a_figure_that_many_redrawings_lack_has_no_interval(varied: int, known: bool) -> None:
    """Of 20 pieces with one that varies, redrawings without it are 36 %; with four, 1 %."""
    true, predicted, clusters = scores(np.random.default_rng(10), 20, 10, 3)
    true[10 * varied :, 3] = 100.0
    gain = clustered_gain(true[:, 3:4], true[:, 3:4], predicted[:, 3:4], clusters, seed=0)
    assert not np.isnan(gain.mean_r)
    assert np.isnan(gain.interval.low) != known
    there = np.where(np.arange(200) < 10 * varied, predicted[:, 0], np.nan)
    mean, low, _ = clustered_means(there, clusters, seed=0)
    assert not np.isnan(mean)
    assert np.isnan(low) != known


def test_coverage() -> None:
    """A 95 % interval over thirty pieces holds the true mean error about that often."""
    held = 0
    for trial in range(100):
        rng = np.random.default_rng(trial)
        clusters = [f"piece {i}" for i in range(30) for _ in range(5)]
        error = rng.exponential(3, (30, 8)).repeat(5, axis=0)
        true = rng.normal(75, 10, error.shape)
        found = clustered_bootstrap(true, true + error, clusters, seed=trial, draws=300).mean_mae
        held += found.low < 3 < found.high
    assert 85 <= held <= 99


def test_every_sample_needs_a_cluster() -> None:
    with pytest.raises(ValueError, match="a cluster for each of 4 samples, got 3"):
        clustered_bootstrap(np.ones((4, 8)), np.ones((4, 8)), ["a", "b", "c"], seed=0)


def test_a_gain_is_judged_on_the_same_redrawings() -> None:
    """Two models with the errors of a piece in common differ by less than either is unsure."""
    true, predicted, clusters = scores(np.random.default_rng(4), 12, 10, 15)
    better = 0.9 * predicted + 0.1 * true
    gain = clustered_gain(true, better, predicted, clusters, seed=0)
    mine, theirs = (
        clustered_bootstrap(true, one, clusters, seed=0).mean_r for one in (better, predicted)
    )
    difference = agreement(true, better).mean_r - agreement(true, predicted).mean_r
    assert gain.mean_r == pytest.approx(difference)
    assert mine.low < theirs.high, "the figures' own intervals overlap"
    assert 0 < gain.interval.low < gain.mean_r < gain.interval.high
    assert gain.interval.high - gain.interval.low < (mine.high - mine.low) / 2
    back = clustered_gain(true, predicted, better, clusters, seed=0)
    assert back.mean_r == -gain.mean_r
    assert (back.interval.low, back.interval.high) == (-gain.interval.high, -gain.interval.low)


def test_a_model_gains_nothing_over_itself_and_one_piece_tells_nothing() -> None:
    true, predicted, clusters = scores(np.random.default_rng(5), 12, 10, 3)
    same = clustered_gain(true, predicted, predicted, clusters, seed=0)
    assert (same.mean_r, same.interval) == (0, Interval(0, 0))
    one = clustered_gain(true, true, predicted, ["one"] * len(true), seed=0)
    assert one.mean_r > 0
    assert np.isnan([one.interval.low, one.interval.high]).all()
    assert not one.interval.excludes_zero


@pytest.mark.parametrize(
    ("low", "high", "excludes"), [(-1, 1, False), (0, 1, False), (0.1, 1, True), (-1, -0.1, True)]
)
def test_an_interval_knows_its_sign(low: float, high: float, excludes: bool) -> None:
    assert Interval(low, high).excludes_zero == excludes


def test_within_tier_r_does_not_see_the_tier() -> None:
    rng = np.random.default_rng(0)
    tiers = np.repeat(["good", "poor"], 500)
    true = np.where(tiers == "good", 90.0, 55.0)[:, None] + rng.normal(0, 1, (1000, 8))
    blind = np.where(tiers == "good", 90.0, 55.0)[:, None] + rng.normal(0, 1, (1000, 8))
    assert abs(within_tier_r(true, blind, list(tiers))) < 0.05
    assert within_tier_r(true, true, list(tiers)) == pytest.approx(1)


def test_means_of_clustered_rows_are_means_and_their_intervals_hold_them() -> None:
    rng = np.random.default_rng(8)
    values = rng.normal(size=(60, 2, 3)) + rng.normal(size=(12, 1, 1)).repeat(5, axis=0)
    clusters = [f"piece {i // 5}" for i in range(60)]
    mean, low, high = clustered_means(values, clusters, seed=0)
    assert mean == pytest.approx(values.mean(axis=0))
    assert (low < mean).all()
    assert (mean < high).all()
    by_row = clustered_means(values, [str(i) for i in range(60)], seed=0)
    assert ((high - low) > 1.2 * (by_row[2] - by_row[1])).all(), "alike rows widen it"


def test_a_level_is_a_mean_of_rows_unless_some_are_missing() -> None:
    rng = np.random.default_rng(11)
    start, change = rng.normal(80, 5, (60, 1)), rng.normal(-3, 1, (60, 4))
    clusters = [f"piece {i // 5}" for i in range(60)]
    levels = clustered_levels(start, change, clusters, seed=0)
    for found, expected in zip(
        levels, clustered_means(start + change, clusters, seed=0), strict=True
    ):
        assert found == pytest.approx(expected)
    change[30:, 2] = np.nan
    mean, low, high = clustered_levels(start, change, clusters, seed=0)
    assert mean[2] == pytest.approx(start.mean() + change[:30, 2].mean())
    assert low[2] < mean[2] < high[2]
    one = clustered_levels(start, change, ["one"] * 60, seed=0)
    assert one[0] == pytest.approx(mean)
    assert np.isnan(one[1:]).all()


def test_missing_values_are_left_out_of_a_mean() -> None:
    values = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]])
    mean, low, high = clustered_means(values, ["a", "b", "c"], seed=0)
    assert mean[0] == 2
    assert 1 <= low[0] <= high[0] <= 3
    assert np.isnan([mean[1], low[1], high[1]]).all()
    alone = clustered_means(values, ["a", "a", "a"], seed=0)
    assert alone[0][0] == 2
    assert np.isnan(alone[1]).all()
    with pytest.raises(ValueError, match="a cluster for each of 3 rows, got 1"):
        clustered_means(values, ["a"], seed=0)
