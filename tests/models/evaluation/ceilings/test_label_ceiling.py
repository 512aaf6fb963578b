import numpy as np
import pandas as pd
import pytest

from labeling.scores import DIMENSIONS
from models.evaluation.ceilings.label_ceiling import TierScores, ceiling_on_samples, label_ceiling
from models.metrics import agreement

PROBABILITIES = {"pristine": 0.30, "good": 0.30, "moderate": 0.25, "poor": 0.15}
RANGES = {"pristine": (95, 100), "good": (80, 95), "moderate": (65, 80), "poor": (50, 65)}
SCALES = {"pristine": 0.975, "good": 0.875, "moderate": 0.725, "poor": 0.575}
PHASE2 = [
    TierScores(name=name, probability=share, low=RANGES[name][0], high=RANGES[name][1])
    for name, share in PROBABILITIES.items()
]
EARLIER = [  # U(85, 100) x the tier's scale
    TierScores(name=name, probability=share, low=85 * SCALES[name], high=100 * SCALES[name])
    for name, share in PROBABILITIES.items()
]


def test_phase2() -> None:
    """The exact figures are .96629 and 3.000; .9660 and 3.007 were measured on draws."""
    ceiling = label_ceiling(PHASE2)
    assert ceiling.r == pytest.approx(0.9660, abs=0.0005)
    assert ceiling.mae == pytest.approx(3.007, abs=0.01)
    assert (ceiling.r, ceiling.mae) == pytest.approx((0.966290, 3.0), abs=1e-6)


def test_the_earlier_generator() -> None:
    ceiling = label_ceiling(EARLIER)
    assert ceiling.r == pytest.approx(0.9628, abs=0.0005)
    assert ceiling.mae == pytest.approx(3.084, abs=0.0005)
    assert ceiling.effective_rank == pytest.approx(1.14, abs=0.005)


@pytest.mark.parametrize("tiers", [PHASE2, EARLIER], ids=["phase2", "earlier"])
def test_against_draws(tiers: list[TierScores]) -> None:
    rng = np.random.default_rng(0)
    share = [tier.probability for tier in tiers]
    drawn = rng.choice(len(tiers), p=share, size=100_000)
    low, high = np.array([(tier.low, tier.high) for tier in tiers]).T
    scores = rng.uniform(low[drawn, None], high[drawn, None], (len(drawn), 8))
    middle = np.array([tier.middle for tier in tiers])
    found = agreement(scores, np.repeat(middle[drawn, None], 8, axis=1))
    ceiling = label_ceiling(tiers)
    assert found.mean_r == pytest.approx(ceiling.r, abs=0.001)
    assert found.mean_mae == pytest.approx(ceiling.mae, abs=0.02)
    eigenvalues = np.linalg.eigvalsh(np.corrcoef(scores.T))
    rank = eigenvalues.sum() ** 2 / (eigenvalues**2).sum()
    assert rank == pytest.approx(ceiling.effective_rank, abs=0.005)


def test_one_wide_tier_leaves_nothing_to_learn() -> None:
    ceiling = label_ceiling([TierScores(name="all", probability=1.0, low=50, high=100)])
    assert ceiling.r == 0
    assert ceiling.mae == 12.5
    assert ceiling.effective_rank == pytest.approx(8)


def test_on_samples() -> None:
    samples = pd.DataFrame({"tier": ["pristine", "poor"], **{d: [96.5, 60.5] for d in DIMENSIONS}})
    found = ceiling_on_samples(samples, PHASE2)
    assert found.mae == pytest.approx([2.0] * 8)
    assert found.mean_r == pytest.approx(1)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        label_ceiling(PHASE2[:3])
    with pytest.raises(ValueError, match="low < high"):
        TierScores(name="odd", probability=0.5, low=3, high=3)
    with pytest.raises(ValueError, match="without a score range"):
        ceiling_on_samples(
            pd.DataFrame({"tier": ["great"], **{d: [1] for d in DIMENSIONS}}), PHASE2
        )
