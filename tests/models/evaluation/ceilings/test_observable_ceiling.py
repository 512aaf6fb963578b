import numpy as np
import pandas as pd
import pytest

from labeling.scores import DIMENSIONS
from models.evaluation.ceilings.label_ceiling import TierScores
from models.evaluation.ceilings.observable_ceiling import analytic_ceilings, observable_ceilings


def test_with_tiers_only_the_tier_can_be_known() -> None:
    ranges = {"pristine": (95, 100), "good": (80, 95), "moderate": (65, 80), "poor": (50, 65)}
    shares = (0.30, 0.30, 0.25, 0.15)
    tiers = [
        TierScores(name=name, probability=share, low=low, high=high)
        for (name, (low, high)), share in zip(ranges.items(), shares, strict=True)
    ]
    found = analytic_ceilings(tiers)
    assert [one.dimension for one in found] == list(DIMENSIONS)
    assert {round(one.r, 4) for one in found} == {0.9663}
    assert {round(one.mae, 3) for one in found} == {3.0}


def test_a_function_of_severity_can_be_known_wholly() -> None:
    assert {(one.r, one.mae) for one in analytic_ceilings(None)} == {(1.0, 0.0)}


@pytest.fixture
def samples() -> pd.DataFrame:
    """`jitter_ms` gives rhythm away wholly, `wrong_share` accuracy by half; the rest is hidden."""
    rng = np.random.default_rng(2)
    severity = rng.uniform(0, 4, (800, 8))
    scores = pd.DataFrame(100 - 10 * severity, columns=list(DIMENSIONS))
    noise = rng.normal(0, severity.std(), 800)
    return scores.assign(
        composition=[f"piece {row % 20}" for row in range(800)],
        jitter_ms=np.where(rng.random(800) < 0.02, np.nan, 12 * severity[:, 1]),
        wrong_share=0.02 * (severity[:, 0] + noise),
    )


def test_what_was_measured_is_known_and_the_rest_is_not(samples: pd.DataFrame) -> None:
    found = {
        one.dimension: one
        for one in observable_ceilings(samples, ["jitter_ms", "wrong_share"], seed=1)
    }
    assert tuple(found) == DIMENSIONS
    assert found["rhythmic_stability"].r > 0.95
    assert found["rhythmic_stability"].mae < 1.5
    assert 0.5 < found["note_accuracy"].r < 0.8
    hidden = [found[name].r for name in DIMENSIONS[2:]]
    assert max(map(abs, hidden)) < 0.2
    assert found["tone_quality"].r2 is not None
    assert found["tone_quality"].r2 < 0.05
