"""The thresholds of labels, on draws whose rank and correlation are known exactly."""

import numpy as np
import pandas as pd
import pytest

from labeling.scores import DIMENSIONS
from models.evaluation.audits.documents import LabelShape
from models.evaluation.audits.label_structure import (
    label_shape,
    participation_ratio,
    sum_scores,
)
from models.evaluation.ceilings.label_ceiling import TierScores, label_ceiling
from models.metrics import agreement

SHARES = {"pristine": 0.30, "good": 0.30, "moderate": 0.25, "poor": 0.15}
SCALES = {"pristine": 0.975, "good": 0.875, "moderate": 0.725, "poor": 0.575}
EARLIER = [  # U(85, 100) x the tier's scale
    TierScores(name=name, probability=share, low=85 * SCALES[name], high=100 * SCALES[name])
    for name, share in SHARES.items()
]


def table(scores: np.ndarray, pieces: int = 60) -> pd.DataFrame:
    compositions = [f"piece {row % pieces}" for row in range(len(scores))]
    return pd.DataFrame(scores, columns=list(DIMENSIONS)).assign(composition=compositions)


def shape_of(scores: np.ndarray, pieces: int = 60) -> LabelShape:
    return label_shape(sum_scores([table(scores, pieces)]))


def correlated(r: float, rows: int, seed: int) -> np.ndarray:
    """Eight scores, any two of which correlate by r."""
    rng = np.random.default_rng(seed)
    common, own = rng.normal(0, 1, (rows, 1)), rng.normal(0, 1, (rows, 8))
    return 80 + 5 * (np.sqrt(r) * common + np.sqrt(1 - r) * own)


def verdicts(shape: LabelShape) -> tuple[str, str]:
    rank, largest = shape.thresholds
    assert (rank.threshold.name, largest.threshold.name) == (
        "effective rank",
        "largest correlation",
    )
    return rank.verdict, largest.verdict


def test_the_earlier_generator_fails_both_gates() -> None:
    """Published: r .9628, effective rank 1.14, correlation .927 (U(85, 100) x the tier's scale)."""
    rng = np.random.default_rng(0)
    tier = rng.choice(4, 400_000, p=list(SHARES.values()))
    scale = np.array(list(SCALES.values()))[tier, None]
    scores = rng.uniform(85, 100, (len(tier), 8)) * scale
    shape = shape_of(scores)
    assert verdicts(shape) == ("fails", "fails")
    rank, largest = shape.thresholds
    assert rank.value == pytest.approx(1.14, abs=0.01)
    assert rank.interval.low < label_ceiling(EARLIER).effective_rank < rank.interval.high
    assert largest.value == pytest.approx(0.927, abs=0.002)
    # Who knows the tier, and no more, says the tier's mean.
    knows_the_tier = np.repeat(92.5 * scale, 8, axis=1)
    assert agreement(scores, knows_the_tier).mean_r == pytest.approx(0.9628, abs=0.0005)
    assert label_ceiling(EARLIER).r == pytest.approx(0.9628, abs=0.0005)


def test_independent_scores_pass_both_gates() -> None:
    shape = shape_of(correlated(0.0, 4000, seed=1))
    assert verdicts(shape) == ("holds", "holds")
    assert shape.thresholds[0].value == pytest.approx(8, abs=0.1)


@pytest.mark.parametrize("r", [0.1, 0.3, 0.5, 0.8])
def test_the_rank_is_that_of_equal_correlations(r: float) -> None:
    matrix = np.full((8, 8), r) + (1 - r) * np.eye(8)
    eigenvalues = np.linalg.eigvalsh(matrix)
    assert participation_ratio(matrix) == pytest.approx(
        eigenvalues.sum() ** 2 / (eigenvalues**2).sum()
    )
    shape = shape_of(correlated(r, 20_000, seed=2))
    assert shape.thresholds[0].value == pytest.approx(float(participation_ratio(matrix)), rel=0.05)


def test_two_dimensions_that_are_one_are_named_though_the_rank_is_high() -> None:
    scores = correlated(0.0, 2000, seed=3)
    scores[:, 5] = 160 - scores[:, 2]  # opposite, which is the same
    shape = shape_of(scores)
    assert verdicts(shape) == ("holds", "fails")
    assert shape.pair == ("articulation_clarity", "dynamic_range")
    assert shape.thresholds[1].value == pytest.approx(1)


@pytest.mark.parametrize("seed", range(3))
def test_few_rows_neither_pass_nor_fail_by_luck(seed: int) -> None:
    """Largest of 28 sample correlations of .5 is often above .6 in 40 rows."""
    assert verdicts(shape_of(correlated(0.5, 40, seed), pieces=8))[1] == "undecided"
    assert verdicts(shape_of(correlated(0.0, 40, seed), pieces=5))[1] == "undecided"


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    true = float(participation_ratio(np.full((8, 8), 0.3) + 0.7 * np.eye(8)))
    inside = [
        found.interval.low <= true <= found.interval.high
        for seed in range(80)
        for found in [shape_of(correlated(0.3, 600, 100 + seed), pieces=30).thresholds[0]]
    ]
    assert 0.86 <= np.mean(inside) <= 1


def test_batches_add_up_to_the_whole() -> None:
    scores = correlated(0.3, 500, seed=4)
    rows = table(scores)
    whole, parts = sum_scores([rows]), sum_scores([rows[:100], rows[100:101], rows[101:]])
    assert label_shape(parts).thresholds[0].value == pytest.approx(
        label_shape(whole).thresholds[0].value
    )
    np.testing.assert_allclose(label_shape(parts).correlation, np.corrcoef(scores.T), atol=1e-9)


def test_one_composition_is_too_few_to_judge() -> None:
    assert verdicts(shape_of(correlated(0.9, 50, seed=5), pieces=1)) == ("undecided", "undecided")


@pytest.mark.filterwarnings("error")
def test_a_constant_dimension_is_left_out_and_named() -> None:
    scores = correlated(0.2, 4000, seed=6)
    scores[:, 4] = 95.0
    shape = shape_of(scores)
    assert shape.constant == ("tone_quality",)
    assert np.isnan(shape.correlation[4]).all()
    others = np.corrcoef(np.delete(scores, 4, axis=1).T)
    assert shape.thresholds[0].value == pytest.approx(float(participation_ratio(others)))
    assert shape.thresholds[1].value == pytest.approx(np.abs(np.triu(others, 1)).max())
    assert shape.pair is not None
    assert "tone_quality" not in shape.pair
    assert verdicts(shape) == ("holds", "holds")
    assert shape_of(correlated(0.2, 50, seed=6)).constant == ()


@pytest.mark.filterwarnings("error")
def test_where_one_dimension_or_none_varies_neither_figure_can_be_had() -> None:
    for varied in (0, 1):
        scores = np.full((50, 8), 95.0)
        scores[:, :varied] = correlated(0.2, 50, seed=7)[:, :varied]
        shape = shape_of(scores)
        assert shape.pair is None
        assert len(shape.constant) == 8 - varied
        assert verdicts(shape) == ("undecided", "undecided")
        assert np.isnan(shape.thresholds[0].value)


def test_what_varies_in_one_composition_alone_has_no_interval_and_it_is_said() -> None:
    scores = correlated(0.0, 600, seed=8)
    scores[np.arange(600) % 60 > 0, 3] = 100.0
    rank = shape_of(scores).thresholds[0]
    assert rank.verdict == "undecided"
    assert np.isnan(rank.interval.low)
