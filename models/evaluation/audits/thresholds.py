"""Whether a figure of an audit keeps its threshold, breaks it, or cannot be decided.

A threshold is decided by the figure's 95 % interval: it holds when the whole interval lies on the
good side, fails when all of it lies on the bad side, and is undecided between. So a small corpus
neither passes nor blocks by luck.
"""

import math
from dataclasses import dataclass
from typing import Literal

from models.document import Number
from models.evaluation.agreement.resampling import FEW_COMPOSITIONS, FEWEST_FOR_INTERVAL, Interval

Bound = Literal["at most", "at least"]
Verdict = Literal["holds", "fails", "undecided"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A figure's name, and on which side of which number it must lie."""

    name: str
    bound: Bound
    number: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdVerdict:
    """A figure from so many compositions, held to its threshold."""

    threshold: Threshold
    value: Number
    interval: Interval
    compositions: int
    verdict: Verdict


def judge(
    threshold: Threshold, value: float, interval: Interval, compositions: int
) -> ThresholdVerdict:
    """Return a figure's verdict, decided as the module says."""
    if threshold.bound == "at most":
        good, bad = interval.high <= threshold.number, interval.low > threshold.number
    else:
        good, bad = interval.low >= threshold.number, interval.high < threshold.number
    verdict: Verdict = "undecided"
    if bad and compositions >= FEWEST_FOR_INTERVAL:
        verdict = "fails"
    elif good and compositions >= FEW_COMPOSITIONS:
        verdict = "holds"
    return ThresholdVerdict(
        threshold=threshold,
        value=value,
        interval=interval,
        compositions=compositions,
        verdict=verdict,
    )


def describe(found: ThresholdVerdict) -> str:
    """Return figure, threshold and, where undecided, the reason, in one line."""
    value, interval, threshold = found.value, found.interval, found.threshold
    line = f"{threshold.name} is {value:.3f}" if math.isfinite(value) else threshold.name
    if math.isfinite(interval.low):
        line += f" [{interval.low:.3f}, {interval.high:.3f}]"
    line += f", expected {threshold.bound} {threshold.number:g}"
    if found.verdict != "undecided":
        return line
    if found.compositions < FEW_COMPOSITIONS:
        return f"{line}: {found.compositions} compositions are too few, use a larger corpus"
    if math.isnan(interval.low):
        return f"{line}: it varies in too few compositions, use a larger corpus"
    return f"{line}: the interval holds the threshold, use a larger corpus"
