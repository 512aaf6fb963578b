import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from degradation.recipe import TIERS
from models.evaluation.agreement.resampling import Interval
from models.evaluation.audits.documents import (
    Importance,
    ShortcutAudit,
    StatisticSet,
    TierProbe,
)
from models.evaluation.audits.shortcut_statistics import SETS
from models.evaluation.audits.thresholds import Threshold, judge
from pipelines.pictures.audits import probes_picture

LIMIT_BYTES = 100_000
VERDICT = judge(Threshold(name="it", bound="at most", number=0.6), 0.9, Interval(0.8, 0.95), 20)


def probe(kind: StatisticSet, accuracy: float) -> TierProbe:
    drops = np.linspace(accuracy - 0.25, -0.01, len(SETS[kind]))
    return TierProbe(
        statistics=kind,
        balanced_accuracy=accuracy,
        interval=Interval(accuracy - 0.03, accuracy + 0.02),
        recall={tier: accuracy + 0.01 * place for place, tier in enumerate(TIERS)},
        importances=tuple(
            Importance(statistic=one.name, meaning=one.meaning, drop=float(drop))
            for one, drop in zip(SETS[kind], drops, strict=True)
        ),
    )


def pixels(png: bytes) -> np.ndarray:
    assert len(png) < LIMIT_BYTES
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


@pytest.mark.parametrize("accuracy", [0.25, 0.985])
def test_probes_are_drawn_small_enough_for_the_ui(accuracy: float) -> None:
    audit = ShortcutAudit(
        counts=dict.fromkeys(TIERS, 10),
        compositions=20,
        threshold=VERDICT,
        tiers=(probe("recording", accuracy), probe("dry", 0.3), probe("notes", 0.5)),
        scores=(),
    )
    drawn = pixels(probes_picture(audit))
    assert drawn.shape[1] == 1080
    other = replace(audit, tiers=(probe("recording", 0.6), *audit.tiers[1:]))
    assert (drawn != pixels(probes_picture(other))).any()
