import math

import pytest

from models.evaluation.agreement.resampling import NOWHERE, Interval
from models.evaluation.audits.thresholds import Bound, Limit, judge


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
        ("at most", 0.6, 0.9, 5, "undecided"),
    ],
)
def test_the_whole_interval_decides(
    bound: Bound, low: float, high: float, compositions: int, verdict: str
) -> None:
    limit = Limit(name="it", bound=bound, number=0.5)
    gate = judge(limit, (low + high) / 2, Interval(low, high), compositions)
    assert gate.verdict == verdict
    assert f"expected {bound} 0.5" in gate.reason
    assert ("use a larger corpus" in gate.reason) == (verdict == "undecided")


def test_what_cannot_be_had_is_undecided() -> None:
    gate = judge(Limit(name="it", bound="at most", number=0.5), math.nan, NOWHERE, 1)
    assert gate.verdict == "undecided"
    assert gate.reason.startswith("it cannot be had; expected at most 0.5: too few compositions")
    many = judge(Limit(name="it", bound="at most", number=0.5), 0.3, NOWHERE, 20)
    assert many.verdict == "undecided"
    assert "too few of the compositions vary" in many.reason
