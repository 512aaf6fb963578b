import numpy as np
import pytest

from models.evaluation.agreement.confusion import tier_confusion, tier_of
from models.evaluation.ceilings.label_ceiling import TierScores

TIERS = [
    TierScores(name=name, probability=0.25, low=low, high=high)
    for name, low, high in (
        ("pristine", 95, 100), ("good", 80, 95), ("moderate", 65, 80), ("poor", 50, 65)
    )
]  # fmt: skip


def test_an_edge_belongs_to_the_better_tier_and_beyond_the_ends_is_the_nearest() -> None:
    scores = np.array([120, 100, 95, 94.9, 80, 79, 65, 64, 50, 10], float)
    assert tier_of(scores, TIERS).tolist() == [0, 0, 0, 1, 1, 2, 2, 3, 3, 3]


def test_by_hand() -> None:
    true = ["pristine", "pristine", "good", "moderate"]
    found = tier_confusion(true, np.array([97.0, 90.0, 90.0, 99.0]), TIERS)
    assert found.counts == ((1, 1, 0, 0), (0, 1, 0, 0), (1, 0, 0, 0), (0, 0, 0, 0))
    assert found.accuracy == 0.5
    assert found.chance == 0.5


def test_the_truth_is_always_right() -> None:
    true = [tier.name for tier in TIERS for _ in range(5)]
    middles = np.repeat([tier.middle for tier in TIERS], 5)
    found = tier_confusion(true, middles, TIERS)
    assert found.accuracy == 1
    assert np.array(found.counts).sum() == 20


def test_unknown_tiers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"got \['great'\] too"):
        tier_confusion(["great"], np.array([90.0]), TIERS)


def test_where_bands_overlap_a_score_is_of_the_tier_whose_middle_is_nearest() -> None:
    """The earlier generator's bands: U(85, 100) times each tier's scale."""
    overlapping = [
        TierScores(name=tier.name, probability=0.25, low=85 * scale, high=100 * scale)
        for tier, scale in zip(TIERS, (0.975, 0.875, 0.725, 0.575), strict=True)
    ]
    middles = np.array([tier.middle for tier in overlapping])
    assert tier_of(middles, overlapping).tolist() == [0, 1, 2, 3]
    edge = (middles[0] + middles[1]) / 2
    scores = np.array([120, edge + 0.1, edge - 0.1, 10])
    assert tier_of(scores, overlapping).tolist() == [0, 0, 1, 3]
    names = [tier.name for tier in overlapping]
    found = tier_confusion(names, middles, overlapping)
    assert found.accuracy == 1
    assert found.by_middle
    assert not tier_confusion(names, middles, TIERS).by_middle
    assert tier_confusion(names[::-1], middles[::-1], TIERS[::-1]).by_middle, "nor in order"
