"""Ranges of numbers, from which nuisance is drawn."""

from typing import Annotated, TypeVar

import numpy as np
from pydantic import AfterValidator, Field

Number = TypeVar("Number", bound=float)


def _ordered(span: tuple[Number, Number]) -> tuple[Number, Number]:
    if span[0] > span[1]:
        raise ValueError(f"should be [low, high], got [{span[0]:g}, {span[1]:g}]")
    return span


Span = Annotated[tuple[Number, Number], AfterValidator(_ordered)]
"""[low, high]; both lie in the limits of their type, and so does whatever is drawn."""

Hertz = Annotated[float, Field(ge=0.1)]
"""A frequency; they are drawn to a tenth."""


def draw_uniform(span: Span[float], rng: np.random.Generator) -> float:
    """Return a number of the span, each as likely as any other."""
    return float(rng.uniform(*span))


def draw_log_uniform(span: Span[float], rng: np.random.Generator) -> float:
    """Return a number of the span above 0, each octave of it as likely as any other."""
    return float(np.exp(rng.uniform(*np.log(span))))
