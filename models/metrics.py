"""How close predicted scores come to true ones: Pearson's r and mean absolute error.

Conventions: arrays are (samples, dimensions); a figure is taken for each dimension over all
samples, and the summary is the plain mean over dimensions. A constant prediction has no
correlation with anything and counts as r = 0 (scipy returns nan). Where the *truth* is
constant, or there are fewer than two samples, r is not defined: nan, left out of the mean.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labeling import statistics
from models.document import Number

Floats = NDArray[np.float64]


def validate(true: Floats, predicted: Floats) -> None:
    """Raise ValueError unless both are finite arrays of one shape (samples, dimensions)."""
    if true.ndim != 2 or true.shape != predicted.shape:
        raise ValueError(
            "true and predicted must share a shape (samples, dimensions), got "
            f"{true.shape} and {predicted.shape}"
        )
    for name, scores in (("true", true), ("predicted", predicted)):
        if not np.isfinite(scores).all():
            raise ValueError(
                f"{name} scores must be finite, got {int((~np.isfinite(scores)).sum())} others"
            )


def pearson_r(true: Floats, predicted: Floats) -> Floats:
    """Return Pearson's r for each dimension, float64 (dimensions,); see the module for nan.

    >>> pearson_r(np.array([[1.0], [2.0], [3.0]]), np.array([[2.0], [4.0], [9.0]])).round(4)
    array([0.9707])
    """
    validate(true, predicted)
    columns = zip(true.T, predicted.T, strict=True)
    return np.array([statistics.pearson_r(y, x, if_second_constant=0.0) for y, x in columns])


def mean_absolute_error(true: Floats, predicted: Floats) -> Floats:
    """Return the mean absolute error for each dimension, in score points, float64 (dimensions,).

    Raises ValueError when there are no samples.

    >>> mean_absolute_error(np.array([[1.0], [2.0]]), np.array([[2.0], [4.0]]))
    array([1.5])
    """
    validate(true, predicted)
    if len(true) == 0:
        raise ValueError("no samples: the mean of nothing is not an error")
    return np.asarray(np.abs(true - predicted).mean(axis=0), np.float64)


def mean_over_dimensions(figures: Floats) -> float:
    """Return the mean of the figures that are defined, nan when none is."""
    defined = figures[~np.isnan(figures)]
    return float(defined.mean()) if len(defined) else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Pearson's r and mean absolute error, for each dimension and as their means.

    `mean_bias` is how many points too high the predictions are on the mean.
    """

    r: tuple[Number, ...]
    mae: tuple[float, ...]
    mean_r: Number
    mean_mae: float
    mean_bias: float


def agreement(true: Floats, predicted: Floats) -> Agreement:
    """Return how predicted scores agree with true ones, both (samples, dimensions)."""
    r, mae = pearson_r(true, predicted), mean_absolute_error(true, predicted)
    return Agreement(
        r=tuple(r.tolist()),
        mae=tuple(mae.tolist()),
        mean_r=mean_over_dimensions(r),
        mean_mae=mean_over_dimensions(mae),
        mean_bias=float((predicted - true).mean()),
    )
