import math

import pytest

from models.evaluation.agreement.resampling import UNDEFINED_INTERVAL, Interval
from models.evaluation.audits.thresholds import Bound, Threshold, describe, judge


@pytest.mark.parametrize(
    ("bound", "low", "high", "compositions", "verdict"),
    [
        ("at most", 0.1, 0.5, 60, "holds"),
        ("at most", 0.6, 0.9, 60, "fails"),
        ("at most", 0.4, 0.6, 60, "undecided"),
        ("at least", 0.6, 0.9, 60, "holds"),
        ("at least", 0.1, 0.4, 60, "fails"),
        ("at least", 0.4, 0.6, 60, "undecided"),
        # Few compositions can show a fault, but not rule one out; very few show nothing.
        ("at most", 0.1, 0.4, 9, "undecided"),
        ("at most", 0.6, 0.9, 9, "fails"),
        ("at most", 0.6, 0.9, 4, "undecided"),
    ],
)
def test_the_whole_interval_decides(
    bound: Bound, low: float, high: float, compositions: int, verdict: str
) -> None:
    limit = Threshold(name="it", bound=bound, number=0.5)
    found = judge(limit, (low + high) / 2, Interval(low, high), compositions)
    assert found.verdict == verdict
    assert f"expected {bound} 0.5" in describe(found)
    assert ("larger corpus" in describe(found)) == (verdict == "undecided")


@pytest.mark.parametrize(
    ("value", "compositions", "reason"),
    [(math.nan, 1, "1 compositions are too few"), (0.3, 20, "varies in too few compositions")],
)
def test_without_an_interval_nothing_is_decided(
    value: float, compositions: int, reason: str
) -> None:
    limit = Threshold(name="it", bound="at most", number=0.5)
    found = judge(limit, value, UNDEFINED_INTERVAL, compositions)
    assert found.verdict == "undecided"
    assert reason in describe(found)
    assert "nan" not in describe(found)
