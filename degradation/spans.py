"""Ranges of numbers, from which nuisance is drawn."""

from typing import Annotated

import numpy as np
from pydantic import AfterValidator


def _ordered(span: tuple[float, float]) -> tuple[float, float]:
    if span[0] > span[1]:
        raise ValueError(f"should be [low, high], got [{span[0]:g}, {span[1]:g}]")
    return span


Span = Annotated[tuple[float, float], AfterValidator(_ordered)]
"""[low, high]."""


def draw_uniform(span: Span, rng: np.random.Generator) -> float:
    """Return a number of the span, each as likely as any other."""
    return float(rng.uniform(*span))


def draw_log_uniform(span: Span, rng: np.random.Generator) -> float:
    """Return a number of the span above 0, each octave of it as likely as any other."""
    return float(np.exp(rng.uniform(*np.log(span))))
