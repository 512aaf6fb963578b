import io

import numpy as np
import pytest
from PIL import Image

from degradation.recipe import TIERS
from labeling.scores import DIMENSIONS
from models.evaluation.agreement.resampling import Interval
from models.evaluation.audits.shortcut_probes import TierProbe
from models.evaluation.audits.shortcut_statistics import PLAYING, RECORDING
from models.evaluation.audits.thresholds import Limit, judge
from pipelines.pictures.audits import correlation_picture, probes_picture

LIMIT_BYTES = 100_000
GATE = judge(Limit(name="it", bound="at most", number=0.6), 0.9, Interval(0.8, 0.95), 20)


def probe(kind: str, accuracy: float) -> TierProbe:
    statistics = PLAYING if kind == "notes" else RECORDING
    drops = np.linspace(accuracy - 0.25, -0.01, len(statistics))
    return TierProbe(
        statistics=kind,
        balanced_accuracy=accuracy,
        interval=Interval(accuracy - 0.03, accuracy + 0.02),
        recall={tier: accuracy + 0.01 * place for place, tier in enumerate(TIERS)},
        importances={
            f"{kind}_{one.name}": float(d) for one, d in zip(statistics, drops, strict=True)
        },
    )


def pixels(png: bytes) -> np.ndarray:
    assert len(png) < LIMIT_BYTES
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


@pytest.mark.parametrize("accuracy", [0.25, 0.985])
def test_probes_are_drawn_small_enough_for_the_ui(accuracy: float) -> None:
    probes = [probe("heard", accuracy), probe("dry", 0.3), probe("notes", 0.5)]
    title = "undecided: " + "a long reason, " * 20
    drawn = pixels(probes_picture(probes, 0.25, 0.35, title))
    assert drawn.shape[1] == 1240
    other = pixels(probes_picture([probe("heard", 0.6), *probes[1:]], 0.25, 0.35, title))
    assert (drawn != other).any()


def test_a_correlation_is_drawn_where_it_is() -> None:
    matrix = np.eye(8)
    plain = pixels(correlation_picture(matrix, DIMENSIONS, [GATE, GATE]))
    matrix = matrix.copy()
    matrix[0, 7] = matrix[7, 0] = 0.9
    changed = np.argwhere((pixels(correlation_picture(matrix, DIMENSIONS, [GATE])) != plain).any(2))
    assert len(changed)
    matrix[3] = matrix[:, 3] = np.nan  # a dimension that never changes
    assert (pixels(correlation_picture(matrix, DIMENSIONS, [GATE])) != plain).any()
