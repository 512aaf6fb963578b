"""When a figure that comes from some rows says that a limit is kept, or broken, or neither.

A gate is decided by its 95 % interval, not by its estimate: it holds when the whole interval
lies on the good side of the limit, fails when all of it lies on the bad side, and is undecided
between. So a small corpus can neither pass by luck nor block by bad luck, and says so.
"""

import math
from dataclasses import dataclass
from typing import Literal

from models.evaluation.agreement.resampling import (
    FEW_COMPOSITIONS,
    FEWEST_COMPOSITIONS,
    Interval,
)

Bound = Literal["at most", "at least"]
Verdict = Literal["holds", "fails", "undecided"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What a figure is called, and on which side of which number it must lie."""

    name: str
    bound: Bound
    number: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A figure held to its limit, and what comes of it; `reason` says the verdict in words.

    `value` is nan, and so are the ends of `interval`, where there were too few rows to have them.
    """

    name: str
    value: float
    interval: Interval
    bound: Bound
    limit: float
    compositions: int
    verdict: Verdict
    reason: str


def judge(limit: Limit, value: float, interval: Interval, compositions: int) -> Gate:
    """Return the gate of a figure from so many compositions, decided as the module says."""
    if limit.bound == "at most":
        good, bad = interval.high <= limit.number, interval.low > limit.number
    else:
        good, bad = interval.low >= limit.number, interval.high < limit.number
    verdict: Verdict = "undecided"
    if bad and compositions >= FEWEST_COMPOSITIONS:
        verdict = "fails"
    elif good and compositions >= FEW_COMPOSITIONS:
        verdict = "holds"
    found = f"is {value:.3f}" if math.isfinite(value) else "cannot be had"
    if math.isfinite(interval.low):
        found += f" [{interval.low:.3f}, {interval.high:.3f}]"
    reason = f"{limit.name} {found}; expected {limit.bound} {limit.number:g}"
    if verdict == "undecided":
        reason += f": {_doubt(interval, compositions)}, use a larger corpus"
    return Gate(
        name=limit.name,
        value=value,
        interval=interval,
        bound=limit.bound,
        limit=limit.number,
        compositions=compositions,
        verdict=verdict,
        reason=reason,
    )


def _doubt(interval: Interval, compositions: int) -> str:
    if compositions < FEW_COMPOSITIONS:
        return f"too few compositions to tell ({compositions})"
    if math.isnan(interval.low):
        return "too few of the compositions vary for an interval"
    return "the interval holds the limit, so these rows cannot tell"
