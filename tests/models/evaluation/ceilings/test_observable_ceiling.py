import numpy as np
import pandas as pd
import pytest

from labeling.scores import DIMENSIONS
from models.evaluation.ceilings.observable_ceiling import observable_ceilings


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
    assert 0.5 < found["note_accuracy"].r < 0.8
    hidden = [found[name].r for name in DIMENSIONS[2:]]
    assert max(map(abs, hidden)) < 0.2
    assert found["tone_quality"].r2 < 0.05
