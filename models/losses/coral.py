"""CORAL: ordinal levels as cumulative yes-or-no questions, one head per dimension.

Cao, Mirjalili & Raschka, Rank consistent ordinal regression for neural networks (Pattern
Recognition Letters 2020). For each dimension, K outputs answer "is the score above threshold k?".
They share one weight vector and differ in their bias, so that they are consistent at the optimum.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from labeling.scores import DIMENSIONS


class CoralHead(nn.Module):
    """(B, width) to logits (B, 8, K): z_dk = w_d·x + b_dk.

    Biases start at 1, (K−1)/K, …, 1/K as in coral-pytorch: rank-consistent from the first step.
    """

    def __init__(self, width: int, thresholds: int) -> None:
        super().__init__()
        self.weight = nn.Linear(width, len(DIMENSIONS), bias=False)
        falling = torch.arange(thresholds, 0, -1) / thresholds
        self.bias = nn.Parameter(falling.repeat(len(DIMENSIONS), 1))

    def forward(self, features: Tensor) -> Tensor:
        """Return logits (B, 8, K); σ(z_dk) is the probability that d lies above threshold k."""
        logits: Tensor = self.weight(features)[..., None] + self.bias
        return logits


def levels(scores: Tensor, thresholds: Tensor) -> Tensor:
    """Return scores (…) as cumulative levels (…, K): 1 where above threshold k, else 0.

    `thresholds` (K,) are in the unit of the scores, lowest first; a score on a threshold is not
    above it.
    """
    return (scores[..., None] > thresholds).to(scores.dtype)


def coral_loss(logits: Tensor, levels: Tensor) -> Tensor:
    """Return −Σ_k [y_k·log σ(z_k) + (1 − y_k)·log(1 − σ(z_k))] averaged, a scalar.

    Both are (…, K). Summed over thresholds and averaged over examples and dimensions; for one
    dimension this is coral-pytorch's reduction (its documented example gives 0.6920). A random
    answer costs log 2, so the loss grows with K. `levels` may lie between 0 and 1 and may carry a
    gradient. log σ(z) − z replaces log(1 − σ(z)) for numerical stability.
    """
    log_above = F.logsigmoid(logits)
    by_threshold = -(levels * log_above + (1 - levels) * (log_above - logits))
    return by_threshold.sum(-1).mean()
