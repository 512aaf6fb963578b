"""Huber's loss: quadratic for small errors, linear for outliers."""

import torch.nn.functional as F
from torch import Tensor


def huber(predicted: Tensor, true: Tensor, delta: float) -> Tensor:
    """Return Huber's loss (Huber 1964) of each element, in the shape of both arguments.

    d²/2 for |d| ≤ `delta`, delta·(|d| − delta/2) beyond. Not averaged: the caller
    weighs and averages. Raises ValueError when the shapes differ, where torch would broadcast.
    """
    if predicted.shape != true.shape:
        raise ValueError(
            "predicted and true must share a shape, got "
            f"{tuple(predicted.shape)} and {tuple(true.shape)}"
        )
    return F.huber_loss(predicted, true, reduction="none", delta=delta)
